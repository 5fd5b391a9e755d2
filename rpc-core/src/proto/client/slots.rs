//! Layer 2: the client's slots: one call in flight in each, or one orphaned call. The lowest free slot is taken first.

use std::time::Duration;

use super::Tag;
use super::call::Call;
use super::outgoing::OutgoingFrame;
use super::retransmission::Retransmission;
use super::slot::{Due, InFlight, Orphan, SlotState, Use};
use crate::error::ProtocolError;
use crate::ids::{Seq, Slot, Time};
use crate::limits::ClientLimits;

/// All slots of a session.
///
/// Invariants: bit `n` of `free` is set if and only if slot `n` is free, and `taken` is the number of bits that are not. `orphaned` is the number of orphaned slots, and
/// `blocked_since` is set if and only if that is all of them: `orphaned == slots.len() > 0`. Free slots, calls in flight and
/// orphaned slots add up to `slots.len()`, which stays the same for the life of a session.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    /// The slots.
    pub(super) slots: Vec<SlotState>,
    /// One bit for each slot.
    pub(super) free: Vec<u64>,
    /// The number of slots that are not free.
    pub(super) taken: usize,
    /// The number of orphaned slots.
    pub(super) orphaned: usize,
    /// The time since which every slot is orphaned.
    pub(super) blocked_since: Option<Time>,
}

impl Slots {
    /// `count` free slots.
    pub(super) fn new(count: u16) -> Self {
        let free = SlotState { last: 0, replied: 0, ack_at: None, usage: Use::Free };
        let mut slots = Slots {
            slots: vec![free; usize::from(count)],
            free: vec![0; usize::from(count).div_ceil(64)],
            taken: usize::from(count),
            ..Slots::default()
        };
        (0..count).for_each(|slot| slots.mark(slot, true));
        slots
    }

    /// Returns the number of slots.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns all slot numbers.
    pub(super) fn numbers(&self) -> std::ops::Range<Slot> {
        0..self.slots.len() as u16 // at most MAX_SLOTS: checked when WELCOME arrives
    }

    /// Returns a slot.
    pub(super) fn get(&self, slot: Slot) -> Option<&SlotState> {
        self.slots.get(usize::from(slot))
    }

    /// Returns the call in flight in a slot, if its number is `seq`.
    pub(super) fn in_flight(&mut self, slot: Slot, seq: Seq) -> Option<&mut InFlight> {
        let state = self.slots.get_mut(usize::from(slot)).filter(|state| state.last == seq)?;
        match &mut state.usage {
            Use::InFlight(in_flight) => Some(in_flight),
            Use::Free | Use::Orphaned(_) => None,
        }
    }

    /// Returns all slots with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &SlotState)> {
        (0..).zip(&self.slots)
    }

    /// Returns the slot of the call with this tag.
    pub(super) fn find(&self, tag: Tag) -> Option<Slot> {
        self.iter().find_map(|(slot, state)| match &state.usage {
            Use::InFlight(in_flight) if in_flight.call.tag == tag => Some(slot),
            Use::Orphaned(orphan) if orphan.tag == Some(tag) => Some(slot),
            _ => None,
        })
    }

    /// Returns the call in flight in a slot, whatever its number.
    pub(super) fn call(&self, slot: Slot) -> Option<&Call> {
        match &self.get(slot)?.usage {
            Use::InFlight(in_flight) => Some(&in_flight.call),
            Use::Free | Use::Orphaned(_) => None,
        }
    }

    /// Returns the tag of the call in flight in a slot.
    pub(super) fn tag(&self, slot: Slot) -> Option<Tag> {
        self.call(slot).map(|call| call.tag)
    }

    /// Returns true if a slot is free.
    pub(super) fn has_free(&self) -> bool {
        self.free.iter().any(|word| *word != 0)
    }

    /// Returns true if no slot carries a call.
    pub(super) fn are_all_free(&self) -> bool {
        self.taken == 0
    }

    /// Returns the number of orphaned slots.
    pub(super) fn orphaned(&self) -> usize {
        self.orphaned
    }

    /// Returns true if every slot was orphaned for this time.
    pub(super) fn are_blocked(&self, most: Duration, now: Time) -> bool {
        self.blocked_since.is_some_and(|since| now.since(since) >= most)
    }

    /// Returns the time at which every slot will have been orphaned for this time; [`Time::NEVER`] if that has passed, since
    /// [`Slots::are_blocked`] says so from then on.
    pub(super) fn next_blocked(&self, most: Duration, now: Time) -> Time {
        let at = self.blocked_since.map(|since| since.plus(most));
        at.filter(|at| *at > now).unwrap_or(Time::NEVER)
    }

    /// Returns the number of calls in flight.
    pub(super) fn count_in_flight(&self) -> usize {
        self.iter().filter(|(_, state)| matches!(state.usage, Use::InFlight(_))).count()
    }

    /// Returns true if a call that was sent has no reply.
    pub(super) fn have_sent_calls(&self) -> bool {
        self.iter().any(|(_, state)| match &state.usage {
            Use::Free => false,
            Use::InFlight(in_flight) => in_flight.sent,
            Use::Orphaned(_) => true,
        })
    }

    /// Puts a call into the lowest free slot, under a number of its own.
    pub(super) fn take(&mut self, call: Call, first: Duration) -> Result<(Slot, Seq), Call> {
        // The lowest one, so that few slots are used when few calls overlap: the server makes a record at the first use of a
        // slot, and a slot that is used again needs no ACK.
        let found = self.free.iter().enumerate().find(|(_, word)| **word != 0);
        let Some((index, word)) = found else { return Err(call) };
        let slot = (index * 64) as u16 + word.trailing_zeros() as u16;
        let Some(state) = self.slots.get_mut(usize::from(slot)) else { return Err(call) };
        // A number is used once in the life of a session, also if the call is taken back unsent: the server may then see
        // numbers 4 and 6 and never 5, which it allows.
        debug_assert!(matches!(state.usage, Use::Free), "a bit of `free` is set for a free slot only");
        state.last += 1; // below 2^63 for 292,000 years at a million calls a second
        state.ack_at = None; // the new call acknowledges the last reply
        let again = Retransmission::unsent(first);
        state.usage = Use::InFlight(InFlight { call, sent: false, buffered: false, again });
        let seq = state.last;
        self.mark(slot, false);
        Ok((slot, seq))
    }

    /// Puts the state of an earlier process into a free slot.
    pub(super) fn restore(&mut self, slot: Slot, seq: Seq, replied: bool, usage: Use, now: Time) {
        let Some(state) = self.slots.get_mut(usize::from(slot)) else { return };
        let (is_free, is_orphan) = (matches!(usage, Use::Free), matches!(usage, Use::Orphaned(_)));
        *state = SlotState { last: seq, replied: if replied { seq } else { 0 }, ack_at: None, usage };
        self.mark(slot, is_free);
        self.orphaned += usize::from(is_orphan);
        if self.orphaned == self.slots.len() {
            self.blocked_since = Some(now);
        }
    }

    /// Frees a slot. Returns its use until now.
    #[inline(always)] // once for each call
    pub(super) fn release(&mut self, slot: Slot) -> Use {
        let Some(state) = self.slots.get_mut(usize::from(slot)) else { return Use::Free };
        // One orphan less means that a slot is free, so not every slot is orphaned any longer.
        let usage = std::mem::replace(&mut state.usage, Use::Free);
        self.mark(slot, true);
        if matches!(usage, Use::Orphaned(_)) {
            self.orphaned -= 1;
            self.blocked_since = None;
        }
        usage
    }

    /// Takes a call out of its slot. The slot stays taken until the reply arrives, and CANCEL is sent until then.
    pub(super) fn orphan(
        &mut self,
        slot: Slot,
        tag: Option<Tag>,
        first: Duration,
        now: Time,
    ) -> Option<(Call, Seq)> {
        let state = self.slots.get_mut(usize::from(slot))?;
        let orphan = Orphan { tag, earlier: None, again: Retransmission::sent(first, now) };
        // Replaced first and put back if the slot carries no call: a call is moved out without a clone of its arguments.
        let mut call = match std::mem::replace(&mut state.usage, Use::Orphaned(orphan)) {
            Use::InFlight(in_flight) => in_flight.call,
            other => {
                state.usage = other;
                return None;
            }
        };
        if let Use::Orphaned(orphan) = &mut state.usage {
            // The reply that still comes is about the last attempt alone. What earlier ones may have done counts with it.
            orphan.earlier = call.earlier.take();
        }
        let seq = state.last;
        self.orphaned += 1;
        if self.orphaned == self.slots.len() {
            self.blocked_since = self.blocked_since.or(Some(now));
        }
        Some((call, seq))
    }

    /// Ends the interest in the reply to an orphaned call.
    pub(super) fn forget(&mut self, tag: Tag) {
        let Some(slot) = self.find(tag) else { return };
        if let Some(SlotState { usage: Use::Orphaned(orphan), .. }) = self.slots.get_mut(usize::from(slot)) {
            orphan.tag = None;
        }
    }

    /// Checks a REPLY. Returns true if the slot waits for it, and false if it is a stray one.
    ///
    /// # Errors
    /// The server has replied to a call that was never sent.
    pub(super) fn accept_reply(&mut self, slot: Slot, seq: Seq) -> Result<bool, ProtocolError> {
        let state = self.slots.get_mut(usize::from(slot)).ok_or(ProtocolError::SlotRange(slot))?;
        // A number that this client never gave cannot come from any network: the server has made it up.
        if seq > state.last {
            return Err(ProtocolError::UnaskedReply);
        }
        let waits = match &state.usage {
            // The same: the call has not left yet.
            Use::InFlight(in_flight) if seq == state.last && !in_flight.sent => {
                return Err(ProtocolError::UnaskedReply);
            }
            Use::Free => false,
            // A lower number is a duplicate of an earlier reply: late, or doubled on the way.
            Use::InFlight(_) | Use::Orphaned(_) => seq == state.last,
        };
        if waits {
            state.replied = seq;
        }
        debug_assert!(state.replied <= state.last, "no reply is ahead of its call");
        Ok(waits)
    }

    /// Notes that the last reply of a slot is to be acknowledged at this time.
    pub(super) fn acknowledge_at(&mut self, slot: Slot, due: Option<Time>) {
        if let Some(state) = self.slots.get_mut(usize::from(slot)) {
            state.ack_at = due;
        }
    }

    /// Takes the acknowledgement of a free slot's last reply; `None` if it carries a call or never had a reply.
    pub(super) fn take_ack(&mut self, slot: Slot) -> Option<OutgoingFrame> {
        let state = self.slots.get_mut(usize::from(slot))?;
        // A slot in use needs none: its call has a higher number, and acknowledges what was before it.
        if !matches!(state.usage, Use::Free) || state.replied == 0 {
            return None;
        }
        state.ack_at = None;
        Some(OutgoingFrame::Ack(slot, state.replied))
    }

    /// Takes back a call that was not sent.
    pub(super) fn take_back(&mut self, slot: Slot) -> Option<Call> {
        match &self.get(slot)?.usage {
            Use::InFlight(in_flight) if !in_flight.sent => {}
            _ => return None,
        }
        match self.release(slot) {
            Use::InFlight(in_flight) => Some(in_flight.call),
            Use::Free | Use::Orphaned(_) => None,
        }
    }

    /// Returns the frame that a slot sends again after a resume. `true`: it is the retransmission of a call.
    pub(super) fn resume(&mut self, slot: Slot, first: Duration, now: Time) -> Option<(OutgoingFrame, bool)> {
        let ack = self.take_ack(slot);
        let state = self.slots.get_mut(usize::from(slot))?;
        match &mut state.usage {
            Use::Free => ack.map(|ack| (ack, false)),
            Use::InFlight(in_flight) => {
                // The pauses begin anew with the connection: they were long because the old one carried nothing.
                in_flight.again = Retransmission::unsent(first);
                Some((OutgoingFrame::Call(slot, state.last), in_flight.sent))
            }
            Use::Orphaned(orphan) => {
                orphan.again = Retransmission::sent(first, now);
                Some((OutgoingFrame::Cancel(slot, state.last), false))
            }
        }
    }

    /// Takes an acknowledgement that is due by this time.
    pub(super) fn due_ack(&mut self, slot: Slot, now: Time) -> Option<OutgoingFrame> {
        let state = self.slots.get_mut(usize::from(slot))?;
        if state.ack_at.is_none_or(|due| due > now) {
            return None;
        }
        state.ack_at = None;
        Some(OutgoingFrame::Ack(slot, state.replied))
    }

    /// Looks at the timers of a slot. Without an attached connection only the deadline of its call counts.
    pub(super) fn handle_timeout(
        &mut self,
        slot: Slot,
        attached: bool,
        limits: &ClientLimits,
        random: &mut fastrand::Rng,
        now: Time,
    ) -> Due {
        let Some(state) = self.slots.get_mut(usize::from(slot)) else { return Due::Next(Time::NEVER) };
        // Without a connection a due ACK or retransmission would wake the driver again and again for nothing.
        let ack = state.ack_at.filter(|_| attached).unwrap_or(Time::NEVER);
        match &mut state.usage {
            Use::Free => Due::Next(ack),
            Use::InFlight(in_flight) if in_flight.call.deadline <= now => Due::Deadline,
            Use::InFlight(in_flight) if !attached => Due::Next(in_flight.call.deadline),
            Use::InFlight(in_flight) => {
                // Two of the same call in one buffer would be of no use: the first is not lost, but still here.
                let may_send = in_flight.sent && !in_flight.buffered;
                let again = may_send && in_flight.again.take_due(limits.resend_cap, random, now);
                let next = in_flight.again.due().min(in_flight.call.deadline).min(ack);
                if again { Due::Again(OutgoingFrame::Call(slot, state.last), next) } else { Due::Next(next) }
            }
            Use::Orphaned(_) if !attached => Due::Next(Time::NEVER),
            Use::Orphaned(orphan) => {
                let again = orphan.again.take_due(limits.resend_cap, random, now);
                if !again {
                    return Due::Next(orphan.again.due().min(ack));
                }
                // A CANCEL is 36 bytes, so it counts as gone when it is queued; `drop_stale` bounds those that pile up.
                orphan.again.note_sent(now);
                Due::Again(OutgoingFrame::Cancel(slot, state.last), orphan.again.due().min(ack))
            }
        }
    }

    /// Returns true if the bit of a slot says that it is free.
    #[cfg(feature = "__inspection")]
    pub(super) fn is_marked_free(&self, slot: Slot) -> bool {
        self.free.get(usize::from(slot / 64)).is_some_and(|word| word & (1 << (slot % 64)) != 0)
    }

    fn mark(&mut self, slot: Slot, free: bool) {
        let bit = 1 << (slot % 64);
        let Some(word) = self.free.get_mut(usize::from(slot / 64)) else { return };
        match (*word & bit != 0, free) {
            (false, true) => self.taken -= 1,
            (true, false) => self.taken += 1,
            _ => {}
        }
        if free {
            *word |= bit;
        } else {
            *word &= !bit;
        }
    }
}
