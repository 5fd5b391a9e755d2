//! Layer 0: errors below a call: a peer that breaks the protocol, and the reasons for which a call never ran.

use thiserror::Error;

use crate::limits::{HEADER, MAX_OPENING_HELLO, MAX_SERVICES};

/// The reason for which a call was not executed, and never will be. It is safe to call again.
///
/// ```
/// use rpc_core::Reason;
///
/// assert!(Reason::Busy.may_pass()); // the same call may succeed later
/// assert!(!Reason::Contract.may_pass()); // one of the two programs must be built again
/// assert_eq!(Reason::Denied.to_string(), "it was denied");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Error)]
#[non_exhaustive]
pub enum Reason {
    /// The caller cancelled it before it began.
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
    /// Code around the service, or around the client, refused it.
    #[error("it was denied")]
    Denied,
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

impl ProtocolError {
    /// Returns the first bytes of a stream whose first frame was too long, if they are text: a peer of another protocol.
    pub fn first_text(&self) -> Option<String> {
        let ProtocolError::LongFrame { got, .. } = self else { return None };
        let prefix = u32::try_from(got.saturating_add(HEADER - size_of::<u32>())).ok()?;
        let is_text = prefix.to_le_bytes().iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        is_text.then(|| prefix.to_le_bytes().map(char::from).iter().collect())
    }
}

impl Reason {
    /// All reasons.
    pub const ALL: [Reason; 13] = [
        Reason::Cancelled,
        Reason::Deadline,
        Reason::Busy,
        Reason::Draining,
        Reason::NoSuchMethod,
        Reason::BadArguments,
        Reason::Denied,
        Reason::TooLarge,
        Reason::Contract,
        Reason::Encode,
        Reason::NoFreeSlot,
        Reason::Unreachable,
        Reason::Closed,
    ];

    /// Returns true if the same call may succeed later.
    ///
    /// It is always safe to try. After the other reasons the call fails again until the call, the client or the server is
    /// changed.
    pub fn may_pass(self) -> bool {
        use Reason::{Busy, Cancelled, Deadline, Draining, NoFreeSlot, Unreachable};
        matches!(self, Cancelled | Deadline | Busy | Draining | NoFreeSlot | Unreachable)
    }
}

/// An action of a peer that the protocol forbids. The connection is closed, and nothing runs because of it.
///
/// The numbers of rules are those of `docs/wire.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A frame is shorter than its header (W3).
    #[error("a frame of {0} bytes is shorter than a header")]
    ShortFrame(usize),
    /// A frame is longer than both sides agreed, and cannot be skipped (W4).
    #[error("a frame body of {got} bytes is over the limit of {limit}")]
    LongFrame {
        /// The length that its prefix gives, in bytes.
        got: usize,
        /// The length that was agreed on, in bytes.
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
    /// A field of a HELLO cannot be read (W9).
    #[error("the body of a HELLO frame cannot be read: {0}")]
    BadHello(&'static str),
    /// A HELLO names more services than there may be (W9).
    #[error("a HELLO with {0} services; the limit is {MAX_SERVICES}")]
    TooManyServices(usize),
    /// A HELLO that opens a session is so long that none could resume it (W9).
    #[error(
        "a HELLO of {0} bytes opens a session; the limit is {MAX_OPENING_HELLO}, so that its resume fits as well"
    )]
    HelloTooLong(usize),
    /// A frame that is not allowed at this point (W8).
    #[error("a {0} frame is not allowed here")]
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
    #[error("the slot's previous call has not finished")]
    SlotBusy,
    /// The same number with other contents (W23).
    #[error("a call was sent again with other contents")]
    FalseRetry,
    /// An acknowledgement of a call that has no reply yet (W24).
    #[error("a reply was acknowledged before it was sent")]
    EarlyAck,
    /// More frames that are of no use than an honest client can send.
    #[error("too many frames were of no use")]
    Flood,
    /// A frame that has begun and does not go on.
    #[error("a frame began and did not go on")]
    TooSlow,
    /// A reply to a call that was never made (W25).
    #[error("a reply arrived for a call that was never made")]
    UnaskedReply,
}
