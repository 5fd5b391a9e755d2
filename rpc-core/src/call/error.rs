//! Layer 3: the errors of a call. The type of each tells if the call ran, and `?` keeps the type.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::channel::Channel;
use super::error_text::{Detail, Why, advice};
use super::service_error::{self, Shown, as_error};
use super::unknown::Unknown;
use crate::contract::Method;
use crate::error::Reason;
use crate::proto::Outcome;
use crate::proto::client::Outage;
use crate::text::{Escaped, debug_is_text};
use crate::wire::codec::DecodeError;

/// The error type of a method that has none of its own. It has no values.
///
/// ```
/// use rpc_core::{CallError, Never};
///
/// /// Shows the error of a method that has none of its own.
/// fn text(error: CallError<Never>) -> String {
///     match error {
///         CallError::Service(never) => match never {}, // there is no such value, so no code is needed
///         other => format!("{other}"),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Never {}

impl fmt::Display for Never {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for Never {}

/// The method and the server that a call was for, shown in messages as `Kv.get at 127.0.0.1:4000`. It keeps the client's
/// session open, and so does an error that holds it.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Arc;
/// use rpc_core::{CallTarget, NotExecuted};
///
/// /// Counts the calls that each server did not execute.
/// fn count(failures: &mut HashMap<Arc<str>, u32>, error: &NotExecuted) {
///     let target: &CallTarget = &error.target;
///     *failures.entry(target.peer()).or_default() += 1;
/// }
/// ```
#[derive(Clone)]
pub struct CallTarget {
    /// `Service.method`.
    pub method: &'static str,
    /// True if the method is idempotent, so that its client may have repeated the call.
    repeats: bool,
    /// The channel that carried the call: it stays open while the error is there.
    channel: Arc<dyn Channel>,
    /// The server's address when the call ended: the client may use another one later.
    peer: Arc<str>,
}

impl CallTarget {
    pub(super) fn new(method: &'static Method, channel: &Arc<dyn Channel>) -> Self {
        let (peer, channel) = (channel.peer(), Arc::clone(channel));
        CallTarget { method: method.name, repeats: method.idempotent, channel, peer }
    }

    /// Returns how often a call ran that is known to have run: a call of an idempotent method may have been repeated.
    fn times(&self) -> &'static str {
        if self.repeats { "at least once" } else { "once" }
    }

    /// Returns the present lack of a connection.
    pub(super) fn outage(&self) -> Option<Box<Outage>> {
        self.channel.outage().map(Box::new)
    }

    /// Returns the address of the server that was used when the call ended.
    pub fn peer(&self) -> Arc<str> {
        Arc::clone(&self.peer)
    }
}

impl fmt::Display for CallTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.method, self.peer)
    }
}

impl fmt::Debug for CallTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallTarget({self})")
    }
}

/// The reason why a call returned no value. The variant tells if the call ran.
///
/// ```
/// use rpc_core::CallError;
///
/// fn next_step<E>(error: &CallError<E>) -> &'static str {
///     match error {
///         CallError::Service(_) => "it ran: this is the service's own error",
///         CallError::Panicked(_) => "it ran, perhaps in part: read the state back",
///         CallError::GivenUp(_) => "it began and was given up: read the state back",
///         CallError::NotExecuted(_) => "it did not run: call again",
///         CallError::ReplyLost(_) => "it ran: read the state back",
///         CallError::Unknown(_) => "it may have run: resolve it, or read the state back",
///     }
/// }
/// ```
///
/// Its `Debug` is its text, apart from [`CallError::Service`], so that a program whose `main` returns it prints a sentence.
pub enum CallError<E = Never> {
    /// It ran once, and this is the service's own error.
    Service(E),
    /// It ran once and panicked; its effects may be partial.
    Panicked(Panicked),
    /// It began, and the service gave it up; its effects may be partial.
    GivenUp(GivenUp),
    /// It did not run and never will: it is safe to call again.
    NotExecuted(NotExecuted),
    /// It ran once, but its reply is lost: read the state back.
    ReplyLost(ReplyLost),
    /// It may have run, or may still run.
    Unknown(Unknown<E>),
}

/// Shows [`CallError::Service`] as the `Display` of its error does. If the type has none, or if this process does not know it (see
/// [`CallError::service`]), it is shown as its `Debug` does.
impl<E: fmt::Debug + 'static> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Service(error) => write!(f, "{}", Escaped(Shown(error))), // the server has made it
            CallError::Panicked(error) => write!(f, "{error}"),
            CallError::GivenUp(error) => write!(f, "{error}"),
            CallError::NotExecuted(error) => write!(f, "{error}"),
            CallError::ReplyLost(error) => write!(f, "{error}"),
            CallError::Unknown(error) => write!(f, "{error}"),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Service(error) => f.debug_tuple("Service").field(error).finish(),
            CallError::Panicked(error) => error.fmt(f),
            CallError::GivenUp(error) => error.fmt(f),
            CallError::NotExecuted(error) => error.fmt(f),
            CallError::ReplyLost(error) => error.fmt(f),
            CallError::Unknown(error) => error.fmt(f),
        }
    }
}

debug_is_text!(Panicked, GivenUp, NotExecuted, ReplyLost);

/// The source of [`CallError::Service`] is the service's own error, if its type implements [`Error`](std::error::Error) and this
/// process knows that: see [`CallError::service`]. The other errors have none.
impl<E: fmt::Debug + 'static> std::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CallError::Service(error) => as_error(error),
            _ => None,
        }
    }
}

/// The error of a call whose handler panicked: it ran once (a call of an idempotent method at least once), its effects may be
/// partial, and the server goes on.
#[doc = include_str!("error/panicked.md")]
#[derive(Error)]
#[error("{target} panicked: {}; it ran {} and its effects may be partial: read the state back", Escaped(message), target.times())]
pub struct Panicked {
    /// The method and the server.
    pub target: CallTarget,
    /// The panic's message, as the server has sent it.
    pub message: String,
}

/// The error of a call that the service gave up: its handler called [`CallContext::give_up`](crate::CallContext::give_up). It
/// began once (a call of an idempotent method at least once), and its effects may be partial.
///
/// ```
/// use rpc_core::{CallError, GivenUp};
///
/// /// Returns the reason of a service that has ended the call itself, for the log.
/// fn reason<T>(outcome: &Result<T, CallError>) -> Option<String> {
///     match outcome {
///         Err(CallError::GivenUp(GivenUp { target, message })) => Some(format!("{target}: {message}")),
///         _ => None,
///     }
/// }
/// ```
#[derive(Error)]
#[error("{target} began {} and was given up by the service{}; its effects may be partial: read the state back", target.times(), Detail(message))]
pub struct GivenUp {
    /// The method and the server.
    pub target: CallTarget,
    /// The reason, for people, as the service has sent it; may be empty.
    pub message: String,
}

/// The error of a call that did not run and never will.
///
/// ```
/// use std::{thread, time::Duration};
/// use rpc_core::{CallError, NotExecuted, rpc};
///
/// #[rpc]
/// pub trait Mail {
///     fn send(&self, text: &str) -> u64;
/// }
///
/// /// Sends a text once: only a call that did not run is repeated.
/// fn send(mail: &MailClient, text: &str) -> Result<u64, CallError> {
///     for _ in 0..3 {
///         match mail.send(text) {
///             Err(CallError::NotExecuted(NotExecuted { reason, .. })) if reason.may_pass() => {
///                 thread::sleep(Duration::from_secs(1));
///             }
///             outcome => return outcome,
///         }
///     }
///     mail.send(text)
/// }
/// ```
#[derive(Error)]
#[error("{target} was not executed: {}{}", Why(*reason, detail, outage), advice(*reason))]
pub struct NotExecuted {
    /// The method and the server.
    pub target: CallTarget,
    /// The reason.
    pub reason: Reason,
    /// More about the reason, for people, as it was sent; may be empty.
    pub detail: String,
    /// The lack of a connection when the error was made, if the reason may come from that.
    pub outage: Option<Box<Outage>>,
}

/// The error of a call that ran once (a call of an idempotent method at least once), and whose reply no longer exists.
///
/// ```
/// use rpc_core::{CallError, ReplyLost, rpc};
///
/// #[rpc]
/// pub trait Mail {
///     fn send(&self, text: &str) -> u64;
///     fn last_sent(&self) -> u64;
/// }
///
/// /// Sends a text, and returns its number.
/// fn send(mail: &MailClient, text: &str) -> Result<u64, CallError> {
///     match mail.send(text) {
///         Err(CallError::ReplyLost(ReplyLost { detail, .. })) => {
///             eprintln!("the text was sent, but {detail}");
///             mail.last_sent() // to send it again would be wrong
///         }
///         outcome => outcome,
///     }
/// }
/// ```
#[derive(Error)]
#[error("{target} was executed {} but its reply is lost{}; read the state back", target.times(), Detail(detail))]
pub struct ReplyLost {
    /// The method and the server.
    pub target: CallTarget,
    /// More about the reason, for people, as it was sent; may be empty.
    pub detail: String,
}

impl<E: std::error::Error + 'static> CallError<E> {
    /// Returns [`CallError::Service`] of an error that no client has read: in a test, or where an error of one service becomes that
    /// of another.
    ///
    /// Its text is that of the error, and its [`source`](std::error::Error::source) is the error. The variant by itself has both as
    /// well, but only for a type that is known in this process: one that a generated client has read as an error of its service, or
    /// that was given to this function before. For any other type its `source` is `None` and its text is that of `Debug`, since an
    /// enum with a type of the caller's choice cannot ask what that type implements.
    ///
    /// ```
    /// use std::error::Error;
    /// use rpc_core::CallError;
    ///
    /// let error = CallError::service("x".parse::<u8>().expect_err("it is no number"));
    /// assert_eq!(error.to_string(), "invalid digit found in string");
    /// assert!(error.source().is_some());
    /// ```
    pub fn service(error: E) -> Self {
        service_error::note_error::<E>();
        CallError::Service(error)
    }
}

impl<E> CallError<E> {
    pub(super) fn undecodable(target: CallTarget, error: &DecodeError) -> Self {
        let detail = format!(
            "its reply could not be decoded: {error}; the two programs may define its type differently"
        );
        CallError::ReplyLost(ReplyLost { target, detail })
    }

    /// Returns the error of an outcome whose value, or whose service's error, is not read. `text` says why.
    pub(super) fn unread(outcome: Outcome, target: CallTarget, text: String) -> Self {
        match outcome {
            Outcome::Done(_) | Outcome::Failed(_) => CallError::ReplyLost(ReplyLost { target, detail: text }),
            Outcome::Panicked(message) => CallError::Panicked(Panicked { target, message }),
            Outcome::GivenUp(message) => CallError::GivenUp(GivenUp { target, message }),
            Outcome::NotExecuted(reason, detail) => {
                let outage = target.outage().filter(|_| reason.may_pass());
                CallError::NotExecuted(NotExecuted { target, reason, detail, outage })
            }
            Outcome::ReplyLost(detail) => CallError::ReplyLost(ReplyLost { target, detail }),
            Outcome::Unknown(cause) => CallError::Unknown(Unknown::of_cause(target, cause)),
        }
    }

    /// Waits for the outcome of a call that is unknown, for at most `limit`, and returns it as the call itself would have
    /// returned it. Every other error, and a call that cannot be asked for, is returned as it is: see [`Unknown::resolve`].
    ///
    /// Through [`Result::or_else`] the type of the value is that of the call:
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
    /// fn append(log: &LogClient, line: &str) -> Result<u64, CallError> {
    ///     log.append(line).or_else(|error| error.resolve(Duration::from_secs(30)))
    /// }
    /// ```
    ///
    /// # Errors
    /// As the call.
    pub fn resolve<T: 'static>(self, limit: Duration) -> Result<T, CallError<E>>
    where
        E: 'static,
    {
        match self {
            CallError::Unknown(unknown) => unknown.resolve(limit),
            known => Err(known),
        }
    }

    /// Returns `Some(true)` if the call ran once (a call of an idempotent method at least once), `Some(false)` if it did not
    /// run and never will, and `None` if that is not known.
    ///
    /// ```
    /// use rpc_core::CallError;
    ///
    /// /// Returns true if the same call may be made again without a second effect.
    /// fn may_be_repeated<E>(error: &CallError<E>) -> bool {
    ///     error.ran() == Some(false)
    /// }
    /// ```
    pub fn ran(&self) -> Option<bool> {
        match self {
            CallError::Service(_)
            | CallError::Panicked(_)
            | CallError::GivenUp(_)
            | CallError::ReplyLost(_) => Some(true),
            CallError::NotExecuted(_) => Some(false),
            CallError::Unknown(_) => None,
        }
    }
}
