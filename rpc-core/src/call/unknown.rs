//! Layer 3: the error of a call that may have run, and the question what became of it.

use std::any::{Any, type_name};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::channel::{Channel, Ticket};
use super::error::{CallError, CallTarget, Never};
use super::error_text::During;
use super::reply::Reader;
use crate::contract::Method;
use crate::error::Reason;
use crate::limits::Nesting;
use crate::proto::client::Outage;
use crate::proto::{Outcome, UnknownCause};

/// The error of a call that was sent and has no reply: it may have run, or may still run.
///
/// After a deadline, and after a call that fails fast, the outcome can still be determined: [`Unknown::resolve`] waits for it.
/// After a lost session it cannot.
///
/// ```
/// use rpc_core::{CallError, Unknown};
///
/// /// Says what is left to do after a call.
/// fn advice<T>(outcome: &Result<T, CallError>) -> &'static str {
///     match outcome {
///         Err(CallError::Unknown(unknown)) => advice_for(unknown),
///         _ => "nothing",
///     }
/// }
///
/// fn advice_for(unknown: &Unknown) -> &'static str {
///     if unknown.is_open() { "call resolve()" } else { "read the state back" }
/// }
/// ```
pub struct Unknown<E = Never> {
    /// The method and the server.
    pub target: CallTarget,
    /// The reason why the outcome is unknown.
    pub cause: UnknownCause,
    /// The lack of a connection when the error was made.
    pub outage: Option<Box<Outage>>,
    /// The call, if its outcome can still be determined.
    open: Option<Arc<OpenCall>>,
    /// The service's own error, which a resolved call may return.
    service_error: PhantomData<fn() -> E>,
}

/// A call whose outcome is not known yet. The channel keeps the outcome until the last copy of the error is dropped.
struct OpenCall {
    /// The method, for messages.
    method: &'static Method,
    /// The channel that carried the call.
    channel: Arc<dyn Channel>,
    /// Names the call within its channel.
    ticket: Ticket,
    /// The nesting that the client allows.
    nesting: Nesting,
    /// The [`Reader`] of the method's reply. Its type is checked when the reply is read, since an error names no type of a value.
    read: Box<dyn Any + Send + Sync>,
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.channel.forget(self.ticket);
    }
}

impl<E> Unknown<E> {
    /// Returns the error of a call that ended with this cause. `ticket` names it within its channel, and `read` reads its reply.
    pub(super) fn new<T: 'static>(
        target: CallTarget,
        cause: UnknownCause,
        ticket: Option<Ticket>,
        (method, channel): (&'static Method, &Arc<dyn Channel>),
        (read, nesting): (Reader<T, E>, Nesting),
    ) -> Self
    where
        E: 'static,
    {
        let ticket = ticket.filter(|_| cause.may_be_resolved());
        let open = ticket.map(|ticket| {
            Arc::new(OpenCall { method, channel: Arc::clone(channel), ticket, nesting, read: Box::new(read) })
        });
        Unknown { open, ..Unknown::of_cause(target, cause) }
    }

    /// Returns the error of a call whose outcome cannot be determined.
    pub(super) fn of_cause(target: CallTarget, cause: UnknownCause) -> Self {
        let outage = target.outage();
        Unknown { target, cause, outage, open: None, service_error: PhantomData }
    }

    /// Waits for the outcome of the call for at most `limit`, and returns it as the call itself would have returned it. If it
    /// is not known yet, the error is [`CallError::Unknown`] again, with the same cause if it may be asked for later.
    ///
    /// It sends nothing. The outcome is kept until every copy of this error is dropped, so it may be asked for again, also by
    /// several threads. `T` is the type that the method returns. To ask for another one is a mistake of the program: then a
    /// reply that has arrived is reported as lost, with the name of the wrong type. [`CallError::resolve`] leaves no choice.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use rpc_core::{CallError, rpc};
    ///
    /// #[rpc]
    /// pub trait Log {
    ///     /// Appends a line, and returns its number.
    ///     fn append(&self, line: &str) -> u64;
    /// }
    ///
    /// /// Appends a line once, however long it takes until the server can be asked.
    /// fn append(log: &LogClient, line: &str) -> Result<u64, CallError> {
    ///     let mut reply = log.append(line);
    ///     loop {
    ///         reply = match reply {
    ///             Err(CallError::NotExecuted(error)) if error.reason.may_pass() => log.append(line),
    ///             Err(CallError::Unknown(unknown)) if unknown.is_open() => unknown.resolve(Duration::from_secs(5)),
    ///             known => return known,
    ///         };
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// As the call: [`CallError`] tells if it ran.
    pub fn resolve<T: 'static>(&self, limit: Duration) -> Result<T, CallError<E>>
    where
        E: 'static,
    {
        let Some(open) = &self.open else { return Err(CallError::Unknown(self.clone())) };
        let Some(outcome) = open.channel.resolve(open.ticket, limit) else {
            return Err(CallError::Unknown(self.clone()));
        };
        match open.read.downcast_ref::<Reader<T, E>>() {
            Some(read) => read(self.own(outcome), open.method, &open.channel, None, open.nesting),
            None => {
                let target = CallTarget::new(open.method, &open.channel);
                let text =
                    format!("it was asked for as a `{}`, which the method does not return", type_name::<T>());
                Err(CallError::unread(outcome, target, text))
            }
        }
    }

    /// Returns the outcome as its caller knows the call: the client has cancelled it by itself, since it was no longer waited for.
    fn own(&self, outcome: Outcome) -> Outcome {
        let Outcome::NotExecuted(Reason::Cancelled, _) = outcome else { return outcome };
        let (reason, why) = match self.cause {
            UnknownCause::Unreachable => (Reason::Unreachable, "its caller did not wait for a connection"),
            _ => (Reason::Deadline, "it was still waiting on the server"),
        };
        Outcome::NotExecuted(reason, format!("{why}, so the client cancelled it there"))
    }

    /// Waits until it is known if the call ran, for at most `limit`. Returns `Some(true)` if it ran, `Some(false)` if it did not
    /// and never will, and `None` if that is not known: for code that does not know the type of the reply.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rpc_core::CallError;
    ///
    /// /// Returns what is known about a call that has failed, after a second question.
    /// fn did_it_run<E: 'static>(error: &CallError<E>) -> Option<bool> {
    ///     match error {
    ///         CallError::Unknown(unknown) => unknown.ran(Duration::from_secs(5)),
    ///         error => error.ran(),
    ///     }
    /// }
    /// ```
    pub fn ran(&self, limit: Duration) -> Option<bool> {
        let open = self.open.as_ref()?;
        match open.channel.resolve(open.ticket, limit)? {
            Outcome::NotExecuted(..) => Some(false),
            Outcome::Unknown(_) => None,
            Outcome::Done(_)
            | Outcome::Failed(_)
            | Outcome::Panicked(_)
            | Outcome::GivenUp(_)
            | Outcome::ReplyLost(_) => Some(true),
        }
    }

    /// Returns true if the outcome may still become known: the client goes on asking.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

impl<E> Clone for Unknown<E> {
    fn clone(&self) -> Self {
        Unknown {
            target: self.target.clone(),
            cause: self.cause,
            outage: self.outage.clone(),
            open: self.open.clone(),
            service_error: PhantomData,
        }
    }
}

impl<E> fmt::Display for Unknown<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, next) = match self.cause {
            UnknownCause::Deadline => (
                "no reply arrived within its deadline",
                "call resolve() for the outcome, or read the state back",
            ),
            UnknownCause::Unreachable => (
                "it was sent, and the server can no longer be reached",
                "call resolve() for the outcome, or read the state back",
            ),
            UnknownCause::SessionLost => (
                "the server restarted or forgot this client before it replied",
                "the outcome can no longer be determined; read the state back",
            ),
            UnknownCause::BrokenServer => (
                "the server broke the protocol",
                "the outcome can no longer be determined; read the state back",
            ),
            UnknownCause::Closed => ("the client was closed before the reply arrived", "read the state back"),
            UnknownCause::Forked => (
                "it belongs to the process from which this one was forked, which goes on with it",
                "read the state back",
            ),
        };
        write!(f, "{} may or may not have run: {what}{}; {next}", self.target, During(&self.outage))
    }
}

impl<E> fmt::Debug for Unknown<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<E> std::error::Error for Unknown<E> {}
