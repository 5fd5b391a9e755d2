//! Floor 0: what can go wrong below a call: a peer that breaks the protocol, and the reasons why a call never ran.

use thiserror::Error;

/// Why a call was not executed, for good. It is safe to call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Error)]
#[non_exhaustive]
pub enum Reason {
    /// The caller gave it up before it began.
    #[error("it was cancelled before it began")]
    Cancelled,
    /// Its deadline passed before it began.
    #[error("its deadline passed before it began")]
    Deadline,
    /// The server had no room for it.
    #[error("the server is busy")]
    Busy,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Draining,
    /// The server has no such service or method.
    #[error("the server has no such method")]
    NoSuchMethod,
    /// Client and server were built from different traits.
    #[error("client and server disagree about the method")]
    Contract,
    /// The server could not decode the arguments.
    #[error("the server could not decode the arguments")]
    BadArguments,
    /// The arguments do not fit into a frame.
    #[error("the arguments are too large")]
    TooLarge,
    /// The arguments could not be encoded.
    #[error("the arguments could not be encoded")]
    Encode,
    /// Every slot was taken, and the queue for one was full or too slow.
    #[error("no slot was free")]
    NoFreeSlot,
    /// There was no connection to send it over.
    #[error("the server could not be reached")]
    Unreachable,
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 12] = [
        Reason::Cancelled,
        Reason::Deadline,
        Reason::Busy,
        Reason::Draining,
        Reason::NoSuchMethod,
        Reason::BadArguments,
        Reason::TooLarge,
        Reason::Contract,
        Reason::Encode,
        Reason::NoFreeSlot,
        Reason::Unreachable,
        Reason::Closed,
    ];

    /// Whether the same call may succeed later. It is always safe to try; after the other reasons it fails again until
    /// somebody changes the call, the client or the server.
    pub fn may_pass(self) -> bool {
        use Reason::{Busy, Cancelled, Deadline, Draining, NoFreeSlot, Unreachable};
        matches!(self, Cancelled | Deadline | Busy | Draining | NoFreeSlot | Unreachable)
    }
}

/// What a peer did that the protocol forbids. The connection is closed; nothing runs because of it.
/// The rule numbers are those of `docs/wire.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A frame is shorter than its header (W3).
    #[error("a frame of {0} bytes is shorter than a header")]
    ShortFrame(usize),
    /// A frame is longer than both sides agreed, and cannot be skipped (W4).
    #[error("a frame body of {got} bytes is over the limit of {limit}")]
    LongFrame {
        /// What its prefix says.
        got: usize,
        /// What was agreed.
        limit: usize,
    },
    /// The checksum over a header is wrong (W5).
    #[error("a header's checksum is wrong")]
    HeaderChecksum,
    /// The checksum over a body is wrong (W5).
    #[error("a body's checksum is wrong")]
    BodyChecksum,
    /// The kind of a frame is unknown (W6).
    #[error("unknown frame kind {0}")]
    UnknownKind(u8),
    /// The body of a control frame cannot be read (W7).
    #[error("the body of a {0} frame cannot be read")]
    BadBody(&'static str),
    /// A frame that has no place at this point of the conversation (W8).
    #[error("a {0} frame has no place here")]
    Unexpected(&'static str),
    /// Not this protocol at all (W2).
    #[error("the peer does not speak this protocol")]
    Foreign,
    /// No common version (W9).
    #[error("the peer speaks versions {min} to {max}, not ours")]
    Version {
        /// Lowest version that the peer speaks.
        min: u16,
        /// Highest version that the peer speaks.
        max: u16,
    },
    /// A slot outside the session (W20).
    #[error("slot {0} is outside the session")]
    SlotRange(u16),
    /// A sequence number that is 0 or at least 2^63 (W21).
    #[error("sequence number {0} is out of range")]
    SeqRange(u64),
    /// A higher number over a call that is not final (W22, invariant V3).
    #[error("a call was sent over one that is still under way")]
    SlotBusy,
    /// The same number with other contents (W23).
    #[error("a call was sent again with other contents")]
    FalseRetry,
    /// An acknowledgement of a call that has no answer yet (W24).
    #[error("an answer was acknowledged before there was one")]
    EarlyAck,
    /// A reply to a call that was never made (W25).
    #[error("a reply came to a call that was never made")]
    UnaskedReply,
}
