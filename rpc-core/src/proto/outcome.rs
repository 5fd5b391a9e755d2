//! Layer 2: the end of a call as the protocol knows it: bytes that are not yet decoded, and verdicts.

use bytes::Bytes;

use crate::error::Reason;

/// The reason for which it is unknown if a call ran.
///
/// ```
/// use rpc_core::UnknownCause;
///
/// fn text(cause: UnknownCause) -> &'static str {
///     match cause {
///         UnknownCause::SessionLost => "the server was restarted: its memory is gone",
///         cause if cause.may_be_resolved() => "the client goes on asking",
///         _ => "it stays unknown",
///     }
/// }
/// assert_eq!(text(UnknownCause::Deadline), "the client goes on asking");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnknownCause {
    /// Its deadline passed without a reply. It can be resolved later.
    Deadline,
    /// It fails fast, and the server could not be reached at any of its addresses. It can be resolved later.
    Unreachable,
    /// The session is gone: the server restarted, or forgot the client after the lease. It stays unknown for ever.
    SessionLost,
    /// The server broke the protocol, and the session was given up. It stays unknown for ever.
    BrokenServer,
    /// The client was closed before the reply arrived. It stays unknown for ever.
    Closed,
    /// The process from which this one was forked has started the call, and alone gets its reply. Here it stays unknown for
    /// ever.
    Forked,
}

impl UnknownCause {
    /// Returns true if the outcome may still become known: the client goes on asking.
    pub fn may_be_resolved(self) -> bool {
        matches!(self, UnknownCause::Deadline | UnknownCause::Unreachable)
    }
}

/// The end of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ran once, and these are the bytes of its value.
    Done(Bytes),
    /// It ran once, and these are the bytes of the service's own error.
    Failed(Bytes),
    /// It ran once and panicked; the text is the panic's.
    Panicked(String),
    /// It began, and its handler gave it up: its effects may be partial. The text is the handler's.
    GivenUp(String),
    /// It did not run and never will.
    NotExecuted(Reason, String),
    /// It ran once; its reply was not kept, or could not be sent or encoded. The text says which.
    ReplyLost(String),
    /// It may have run, and may still.
    Unknown(UnknownCause),
}

impl Outcome {
    /// Returns true if another outcome may follow: the call is unknown, and the client goes on asking.
    #[inline]
    pub fn may_be_resolved(&self) -> bool {
        matches!(self, Outcome::Unknown(cause) if cause.may_be_resolved())
    }

    /// Returns true if the server has said that the call ran.
    pub fn has_run(&self) -> bool {
        !matches!(self, Outcome::NotExecuted(..) | Outcome::Unknown(_))
    }
}
