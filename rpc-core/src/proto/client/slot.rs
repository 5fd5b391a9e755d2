//! Layer 2: one slot of a client: its numbers, and the call in flight or the orphaned call that it carries.

use super::Tag;
use super::call::Call;
use super::outgoing::OutgoingFrame;
use super::retransmission::Retransmission;
use crate::ids::{Seq, Time};
use crate::proto::Outcome;

/// A call in its slot.
///
/// Invariants: `buffered` implies `sent`. `again` is due only if `sent` and not `buffered`.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    /// The call.
    pub(super) call: Call,
    /// Set when its bytes are given to be written, and never unset: from then on it may run.
    pub(super) sent: bool,
    /// True while its bytes may still be in the buffer of this connection: no retransmission is added to them.
    pub(super) buffered: bool,
    /// The time of its next retransmission.
    pub(super) again: Retransmission,
}

/// A call whose caller has stopped waiting, and whose reply has not arrived. (B. J. Nelson's word, *Remote Procedure
/// Call*, 1981.)
#[derive(Clone, Debug)]
pub(super) struct Orphan {
    /// The name under which its reply is reported, if it still is of interest.
    pub(super) tag: Option<Tag>,
    /// The weakest verdict of earlier attempts: the reply to the last one cannot be stronger.
    pub(super) earlier: Option<Outcome>,
    /// The time at which CANCEL is sent again.
    pub(super) again: Retransmission,
}

/// The use of a slot.
///
/// ```text
/// Free --take--> InFlight --reply, take_back (unsent)--> Free
///                   '------orphan (sent)--> Orphaned --reply--> Free
/// ```
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "most slots in use carry a call, and a box would cost each call an allocation"
)]
pub(super) enum Use {
    /// The slot carries no call.
    Free,
    /// The slot carries a call.
    InFlight(InFlight),
    /// The slot waits for the reply to a call that was given up.
    Orphaned(Orphan),
}

/// One slot: an activity in the sense of Birrell and Nelson (*Implementing Remote Procedure Calls*, TOCS 1984). Its calls follow
/// one another, and each acknowledges the reply to the one before.
///
/// Invariants: `replied <= last`. In a free slot of a session that goes on `replied == last`, unless unsent calls were taken
/// back: their numbers are skipped, never used again, and never acknowledged. `ack_at` is set only while the slot is free. `last` is below
/// `SEQ_END` for longer than any process lives.
#[derive(Clone, Debug)]
pub(super) struct SlotState {
    /// The number of the slot's last call.
    pub(super) last: Seq,
    /// The number of the last call whose reply has arrived.
    pub(super) replied: Seq,
    /// The time at which the last reply is to be acknowledged, if it still is.
    pub(super) ack_at: Option<Time>,
    /// The use of the slot.
    pub(super) usage: Use,
}

/// The effect of a timer on a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// No timer is due. The next one is due at this time.
    Next(Time),
    /// This frame is to be sent again. The next timer is due at this time.
    Again(OutgoingFrame, Time),
    /// The deadline of the call has passed.
    Deadline,
}
