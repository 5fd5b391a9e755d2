//! Floor 3: verdicts as types: whoever holds one knows whether the call ran, and `?` cannot blur it.

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
use crate::proto::{Doubt, Outcome};
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

/// Where a call went: method and server, for messages. It keeps the client's session alive, and so does an error that holds
/// it.
#[derive(Clone)]
pub struct Place {
    /// `Service.method`.
    pub method: &'static str,
    /// The method is idempotent, so its client may have repeated the call.
    repeats: bool,
    channel: Arc<dyn Channel>,
    ticket: Option<Ticket>,
}

impl Place {
    pub(crate) fn new(method: &'static Method, channel: &Arc<dyn Channel>, ticket: Option<Ticket>) -> Self {
        Place { method: method.name, repeats: method.idempotent, channel: Arc::clone(channel), ticket }
    }

    /// Returns how often a call ran that is known to have run: a call of an idempotent method may have been repeated.
    fn times(&self) -> &'static str {
        if self.repeats { "at least once" } else { "once" }
    }

    /// The server's address.
    pub fn peer(&self) -> Arc<str> {
        self.channel.peer()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.method, self.peer())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

/// Why a call gave no value, and whether it ran.
#[derive(Debug, Error)]
pub enum CallError<E = Never> {
    /// It ran, once, and this is the service's own answer.
    #[error("{0}")]
    Service(E),
    /// It ran, once, and panicked; its effects may be partial.
    #[error(transparent)]
    Panicked(Panicked),
    /// It did not run and never will: safe to call again.
    #[error(transparent)]
    NotExecuted(NotExecuted),
    /// It ran, once, but its reply is gone: read the state back.
    #[error(transparent)]
    ReplyLost(ReplyLost),
    /// It may have run, and may still.
    #[error(transparent)]
    Unknown(Unknown),
}

/// A handler that panicked: the call ran once (of an idempotent method, at least once), its effects may be partial, and
/// the server lives.
#[derive(Debug, Error)]
#[error("{place} panicked: {message}; it ran {} and its effects may be partial", place.times())]
pub struct Panicked {
    /// Where.
    pub place: Place,
    /// What the panic said.
    pub message: String,
}

/// A call that did not run and never will.
#[derive(Debug, Error)]
#[error("{place} was not executed: {reason}{}{}", Detail(detail), advice(*reason))]
pub struct NotExecuted {
    /// Where.
    pub place: Place,
    /// Why.
    pub reason: Reason,
    /// More about it, for people; may be empty.
    pub detail: String,
}

/// A call that ran, and whose reply no side has any more. It ran once; a call of an idempotent method, which its client
/// repeats, at least once.
#[derive(Debug, Error)]
#[error("{place} was executed {} but its reply is lost{}; read the state back", place.times(), Detail(detail))]
pub struct ReplyLost {
    /// Where.
    pub place: Place,
    /// More about it, for people; may be empty.
    pub detail: String,
}

/// A call that was sent and has no answer: it may have run, and may still.
///
/// After a deadline the question stays open: [`Unknown::resolve`] asks again. After a lost session it cannot be
/// answered any more.
#[derive(Debug)]
pub struct Unknown {
    /// Where.
    pub place: Place,
    /// Why nobody can say.
    pub doubt: Doubt,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, next) = match self.doubt {
            Doubt::Deadline => {
                ("no answer came within its deadline", "ask again with resolve(), or read the state back")
            }
            Doubt::SessionLost => (
                "the server restarted or forgot this client before it answered",
                "it can never be told; read the state back",
            ),
            Doubt::BrokenServer => {
                ("the server broke the protocol", "it can never be told; read the state back")
            }
            Doubt::Closed => ("the client was closed first", "read the state back"),
        };
        write!(f, "{} may or may not have run: {what}; {next}", self.place)
    }
}

impl std::error::Error for Unknown {}

/// What became of a call that was unknown.
#[derive(Debug)]
#[non_exhaustive]
pub enum Resolution {
    /// It ran once, and this is its reply.
    Executed(ResolvedReply),
    /// It ran once and panicked.
    Panicked(String),
    /// It ran once; its reply is lost.
    ReplyLost,
    /// It did not run and never will.
    NotExecuted(Reason),
    /// Nobody knows yet: ask again.
    Open,
    /// Nobody will ever know.
    Never,
}

/// The reply of a resolved call, not decoded yet.
#[derive(Clone, Debug)]
pub struct ResolvedReply {
    bytes: Bytes,
    failed: bool,
}

impl ResolvedReply {
    /// Whether the service answered with its own error.
    pub fn is_service_error(&self) -> bool {
        self.failed
    }

    /// The value, or the service's error, as the type that it has.
    ///
    /// # Errors
    /// When the bytes are not a `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        codec::decode(&self.bytes)
    }
}

impl Unknown {
    /// Asks what became of the call, waiting at most `limit`. It sends nothing itself; the answer is kept, so it may
    /// be asked as often as one likes.
    pub fn resolve(&self, limit: Duration) -> Resolution {
        let Some(ticket) = self.place.ticket.filter(|_| self.doubt == Doubt::Deadline) else {
            return Resolution::Never;
        };
        match self.place.channel.resolve(ticket, limit) {
            None => Resolution::Open,
            Some(Outcome::Done(bytes)) => Resolution::Executed(ResolvedReply { bytes, failed: false }),
            Some(Outcome::Failed(bytes)) => Resolution::Executed(ResolvedReply { bytes, failed: true }),
            Some(Outcome::Panicked(text)) => Resolution::Panicked(text),
            Some(Outcome::NotExecuted(reason, _)) => Resolution::NotExecuted(reason),
            Some(Outcome::ReplyLost(_)) => Resolution::ReplyLost,
            Some(Outcome::Unknown(_)) => Resolution::Never,
        }
    }
}

impl Drop for Unknown {
    fn drop(&mut self) {
        if let (Some(ticket), Doubt::Deadline) = (self.place.ticket, self.doubt) {
            self.place.channel.forget(ticket);
        }
    }
}

impl<E> CallError<E> {
    pub(crate) fn undecodable(place: Place, error: &DecodeError) -> Self {
        CallError::ReplyLost(ReplyLost { place, detail: format!("its reply could not be decoded: {error}") })
    }

    /// The error of an outcome that is not `Done`. `service` decodes the service's own error, if it has one.
    pub(crate) fn from_outcome(
        outcome: Outcome,
        place: Place,
        service: impl FnOnce(&[u8]) -> Option<Result<E, DecodeError>>,
    ) -> Self {
        match outcome {
            Outcome::Failed(bytes) | Outcome::Done(bytes) => match service(&bytes) {
                Some(Ok(error)) => CallError::Service(error),
                Some(Err(error)) => CallError::undecodable(place, &error),
                None => CallError::ReplyLost(ReplyLost {
                    place,
                    detail: "the server answered with an error, which this method cannot have".to_owned(),
                }),
            },
            Outcome::Panicked(message) => CallError::Panicked(Panicked { place, message }),
            Outcome::NotExecuted(reason, detail) => {
                CallError::NotExecuted(NotExecuted { place, reason, detail })
            }
            Outcome::ReplyLost(detail) => CallError::ReplyLost(ReplyLost { place, detail }),
            Outcome::Unknown(doubt) => CallError::Unknown(Unknown { place, doubt }),
        }
    }

    /// Returns `Some(true)` if the call ran (once; of an idempotent method, at least once), `Some(false)` if it did not
    /// and never will, and `None` if that cannot be known.
    pub fn ran(&self) -> Option<bool> {
        match self {
            CallError::Service(_) | CallError::Panicked(_) | CallError::ReplyLost(_) => Some(true),
            CallError::NotExecuted(_) => Some(false),
            CallError::Unknown(_) => None,
        }
    }
}

/// After a reason that does not pass there is nothing to advise but what the reason says.
fn advice(reason: Reason) -> &'static str {
    if reason.may_pass() { "; it is safe to call again" } else { "" }
}

/// Writes `: text` for a text and nothing for none.
struct Detail<'a>(&'a str);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}
