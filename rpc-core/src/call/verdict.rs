//! Layer 3: the verdict of a call without its value, for code around it.

use crate::error::Reason;
use crate::proto::{Outcome, UnknownCause};

/// The end of a call as its caller is told it, for a [`ClientHook`](super::ClientHook).
///
/// ```
/// use rpc_core::Verdict;
///
/// /// Returns the name under which a hook counts a call.
/// fn name(verdict: Verdict) -> &'static str {
///     match (verdict, verdict.ran()) {
///         (Verdict::Done, _) => "done",
///         (_, Some(true)) => "ran",
///         (_, Some(false)) => "did not run",
///         (_, None) => "may have run",
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It ran once, and its value has arrived. (If that is not of the caller's type, the caller is told that the reply is lost.)
    Done,
    /// It ran once, and the service's own error has arrived.
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
    /// Returns the verdict of a call with this outcome.
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done(_) => Verdict::Done,
            Outcome::Failed(_) => Verdict::Failed,
            Outcome::Panicked(_) => Verdict::Panicked,
            Outcome::GivenUp(_) => Verdict::GivenUp,
            Outcome::NotExecuted(reason, _) => Verdict::NotExecuted(*reason),
            Outcome::ReplyLost(_) => Verdict::ReplyLost,
            Outcome::Unknown(cause) => Verdict::Unknown(*cause),
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
