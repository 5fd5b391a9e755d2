//! Layer 3: the verdict of a call without its value, for code around it.

use super::error::CallError;
use crate::error::Reason;
use crate::proto::UnknownCause;

/// The end of a call as its caller is told it, for a [`ClientHook`](super::ClientHook).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It ran once, and the caller has its value.
    Done,
    /// It ran once, and the caller has the service's own error.
    Failed,
    /// It ran once and panicked.
    Panicked,
    /// It began, and the service gave it up.
    GivenUp,
    /// It ran once, and its reply is lost.
    ReplyLost,
    /// It did not run and never will.
    NotExecuted(Reason),
    /// It may have run, or may still run. What [`resolve`](crate::Unknown::resolve) finds later is no other verdict.
    Unknown(UnknownCause),
    /// It was started, and its caller dropped it before it took a verdict.
    Cancelled,
}

impl Verdict {
    /// Returns the verdict of what a caller gets.
    pub(super) fn of<T, E>(reply: &Result<T, CallError<E>>) -> Self {
        match reply {
            Ok(_) => Verdict::Done,
            Err(CallError::Service(_)) => Verdict::Failed,
            Err(CallError::Panicked(_)) => Verdict::Panicked,
            Err(CallError::GivenUp(_)) => Verdict::GivenUp,
            Err(CallError::NotExecuted(error)) => Verdict::NotExecuted(error.reason),
            Err(CallError::ReplyLost(_)) => Verdict::ReplyLost,
            Err(CallError::Unknown(error)) => Verdict::Unknown(error.cause),
        }
    }

    /// Returns `Some(true)` if the call ran, `Some(false)` if it did not run and never will, and `None` if the caller does not know
    /// it.
    pub fn ran(self) -> Option<bool> {
        match self {
            Verdict::Done | Verdict::Failed | Verdict::Panicked | Verdict::GivenUp | Verdict::ReplyLost => {
                Some(true)
            }
            Verdict::NotExecuted(_) => Some(false),
            Verdict::Unknown(_) | Verdict::Cancelled => None,
        }
    }
}
