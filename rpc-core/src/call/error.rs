//! Layer 3: the errors of a call. The type of each tells if the call ran, and `?` keeps the type.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::channel::{Channel, Ticket};
use crate::contract::Method;
use crate::error::Reason;
use crate::proto::{Outcome, UnknownCause};
use crate::text::Escaped;
use crate::wire::codec::{self, DecodeError};

/// The error type of a method that has none of its own. It has no values.
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
#[derive(Clone)]
pub struct CallTarget {
    /// `Service.method`.
    pub method: &'static str,
    /// True if the method is idempotent, so that its client may have repeated the call.
    repeats: bool,
    /// The channel that carried the call.
    channel: Arc<dyn Channel>,
    /// The server's address when the call ended: the client may use another one later.
    peer: Arc<str>,
    /// Names the call for [`Unknown::resolve`]; `None` if its outcome is final.
    ticket: Option<Ticket>,
}

impl CallTarget {
    pub(super) fn new(method: &'static Method, channel: &Arc<dyn Channel>, ticket: Option<Ticket>) -> Self {
        let (peer, channel) = (channel.peer(), Arc::clone(channel));
        CallTarget { method: method.name, repeats: method.idempotent, channel, peer, ticket }
    }

    /// Returns how often a call ran that is known to have run: a call of an idempotent method may have been repeated.
    fn times(&self) -> &'static str {
        if self.repeats { "at least once" } else { "once" }
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
#[derive(Debug)]
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
    Unknown(Unknown),
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Service(error) => write!(f, "{}", Escaped(error)), // the server has made it
            CallError::Panicked(error) => write!(f, "{error}"),
            CallError::GivenUp(error) => write!(f, "{error}"),
            CallError::NotExecuted(error) => write!(f, "{error}"),
            CallError::ReplyLost(error) => write!(f, "{error}"),
            CallError::Unknown(error) => write!(f, "{error}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for CallError<E> {}

/// The error of a call whose handler panicked: it ran once (a call of an idempotent method at least once), its effects may be
/// partial, and the server goes on.
#[derive(Debug, Error)]
#[error("{target} panicked: {}; it ran {} and its effects may be partial", Escaped(message), target.times())]
pub struct Panicked {
    /// The method and the server.
    pub target: CallTarget,
    /// The panic's message, as the server has sent it.
    pub message: String,
}

/// The error of a call that the service gave up: its handler called [`CallContext::give_up`](crate::CallContext::give_up). It
/// began once (a call of an idempotent method at least once), and its effects may be partial.
#[derive(Debug, Error)]
#[error("{target} began {} and was given up by the service{}; its effects may be partial", target.times(), Detail(message))]
pub struct GivenUp {
    /// The method and the server.
    pub target: CallTarget,
    /// The reason, for people, as the service has sent it; may be empty.
    pub message: String,
}

/// The error of a call that did not run and never will.
#[derive(Debug, Error)]
#[error("{target} was not executed: {reason}{}{}", Detail(detail), advice(*reason))]
pub struct NotExecuted {
    /// The method and the server.
    pub target: CallTarget,
    /// The reason.
    pub reason: Reason,
    /// More about the reason, for people, as it was sent; may be empty.
    pub detail: String,
}

/// The error of a call that ran once (a call of an idempotent method at least once), and whose reply no longer exists.
#[derive(Debug, Error)]
#[error("{target} was executed {} but its reply is lost{}; read the state back", target.times(), Detail(detail))]
pub struct ReplyLost {
    /// The method and the server.
    pub target: CallTarget,
    /// More about the reason, for people, as it was sent; may be empty.
    pub detail: String,
}

/// The error of a call that was sent and has no reply: it may have run, or may still run.
///
/// After a deadline the outcome can still be determined: [`Unknown::resolve`] waits for it. After a lost session it
/// cannot.
#[derive(Debug)]
pub struct Unknown {
    /// The method and the server.
    pub target: CallTarget,
    /// The reason why the outcome is unknown.
    pub cause: UnknownCause,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, next) = match self.cause {
            UnknownCause::Deadline => (
                "no reply arrived within its deadline",
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
        write!(f, "{} may or may not have run: {what}; {next}", self.target)
    }
}

impl std::error::Error for Unknown {}

/// The outcome of a call that was [`Unknown`], as far as it is known.
#[derive(Debug)]
#[non_exhaustive]
pub enum Resolution {
    /// It ran once, and this is its reply.
    Executed(ResolvedReply),
    /// It ran once and panicked.
    Panicked(String),
    /// It began once, and the service gave it up.
    GivenUp(String),
    /// It ran once; its reply is lost.
    ReplyLost,
    /// It did not run and never will.
    NotExecuted(Reason),
    /// It is not known yet: ask again.
    Open,
    /// It will never be known.
    Never,
}

/// The reply of a resolved call, not yet decoded.
#[derive(Clone, Debug)]
pub struct ResolvedReply {
    /// The encoded value or error.
    bytes: Bytes,
    /// True if `bytes` are the service's own error.
    failed: bool,
}

impl ResolvedReply {
    /// Returns true if the reply is the service's own error.
    pub fn is_service_error(&self) -> bool {
        self.failed
    }

    /// Decodes the value, or the service's error, as a `T`.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        codec::decode(&self.bytes)
    }
}

impl Unknown {
    /// Waits for the outcome of the call for at most `limit`. It sends nothing; the outcome is kept, so it may be called
    /// again.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use rpc_core::CallError;
    /// use rpc_core::call::Resolution;
    ///
    /// fn did_it_run(error: CallError) -> Option<bool> {
    ///     let CallError::Unknown(unknown) = error else { return error.ran() };
    ///     match unknown.resolve(Duration::from_secs(5)) {
    ///         Resolution::NotExecuted(_) => Some(false),
    ///         Resolution::Open | Resolution::Never => None,
    ///         _ => Some(true),
    ///     }
    /// }
    /// ```
    pub fn resolve(&self, limit: Duration) -> Resolution {
        let Some(ticket) = self.target.ticket.filter(|_| self.cause == UnknownCause::Deadline) else {
            return Resolution::Never;
        };
        match self.target.channel.resolve(ticket, limit) {
            None => Resolution::Open,
            Some(Outcome::Done(bytes)) => Resolution::Executed(ResolvedReply { bytes, failed: false }),
            Some(Outcome::Failed(bytes)) => Resolution::Executed(ResolvedReply { bytes, failed: true }),
            Some(Outcome::Panicked(text)) => Resolution::Panicked(text),
            Some(Outcome::GivenUp(text)) => Resolution::GivenUp(text),
            Some(Outcome::NotExecuted(reason, _)) => Resolution::NotExecuted(reason),
            Some(Outcome::ReplyLost(_)) => Resolution::ReplyLost,
            Some(Outcome::Unknown(_)) => Resolution::Never,
        }
    }
}

impl Drop for Unknown {
    fn drop(&mut self) {
        if let (Some(ticket), UnknownCause::Deadline) = (self.target.ticket, self.cause) {
            self.target.channel.forget(ticket);
        }
    }
}

impl<E> CallError<E> {
    pub(super) fn undecodable(target: CallTarget, error: &DecodeError) -> Self {
        CallError::ReplyLost(ReplyLost { target, detail: format!("its reply could not be decoded: {error}") })
    }

    /// Returns the error of an outcome that is not [`Outcome::Done`].
    pub(super) fn from_outcome(outcome: Outcome, target: CallTarget) -> Self
    where
        E: DeserializeOwned,
    {
        match outcome {
            Outcome::Failed(bytes) | Outcome::Done(bytes) => match codec::decode(&bytes) {
                Ok(error) => CallError::Service(error),
                Err(error) => CallError::undecodable(target, &error),
            },
            Outcome::Panicked(message) => CallError::Panicked(Panicked { target, message }),
            Outcome::GivenUp(message) => CallError::GivenUp(GivenUp { target, message }),
            Outcome::NotExecuted(reason, detail) => {
                CallError::NotExecuted(NotExecuted { target, reason, detail })
            }
            Outcome::ReplyLost(detail) => CallError::ReplyLost(ReplyLost { target, detail }),
            Outcome::Unknown(cause) => CallError::Unknown(Unknown { target, cause }),
        }
    }

    /// Returns `Some(true)` if the call ran once (a call of an idempotent method at least once), `Some(false)` if it did not
    /// run and never will, and `None` if that is not known.
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

/// Returns the advice to call again, if the reason may pass. The text of any other reason says what to do.
fn advice(reason: Reason) -> &'static str {
    if reason.may_pass() { "; it is safe to call again" } else { "" }
}

/// Writes `: text`, or nothing if the text is empty.
struct Detail<'a>(&'a str);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", Escaped(self.0)) }
    }
}
