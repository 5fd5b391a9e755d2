//! Floor 2: the client's slots: one call under way in each, and the lowest free one is taken first.

use std::time::Duration;

use crate::contract::Method;
use crate::ids::{Seq, Slot, Time};
use crate::proto::Outcome;

/// Names a call for whoever started it.
pub type Tag = u64;

/// A call that has not ended: its encoded arguments and what to do about it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) tag: Tag,
    pub(super) method: &'static Method,
    /// The arguments: encoded once, sent as often as needed.
    pub(super) body: Vec<u8>,
    pub(super) body_crc: u32,
    pub(super) deadline: Time,
    pub(super) repeat: bool,
    pub(super) retry: bool,
    /// The weakest verdict of earlier attempts; it stands if the last one was not executed.
    pub(super) worst: Option<Outcome>,
}

/// A call in its slot.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    pub(super) call: Call,
    /// Set when its bytes are handed to be written, and never unset: from then on it may run.
    pub(super) sent: bool,
    /// Its bytes may still be waiting in the buffer of this connection: no copy is added to them.
    pub(super) buffered: bool,
    pub(super) resend_at: Time,
    pub(super) pause: Duration,
}

/// A call whose caller has gone, and whose answer is still to come.
#[derive(Clone, Debug)]
pub(super) struct Dirty {
    /// Who wants to know, if anybody.
    pub(super) tag: Option<Tag>,
    /// The weakest verdict of earlier attempts: the answer to the last one cannot be stronger.
    pub(super) worst: Option<Outcome>,
    pub(super) cancel_at: Time,
    pub(super) pause: Duration,
}

/// What a slot is used for.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "most slots in use are taken, and a box costs each call an allocation"
)]
pub(super) enum Use {
    Free,
    Taken(Sending),
    Dirty(Dirty),
}

/// A slot. Invariant: `answered <= last`, and they are equal in a free slot unless numbers were skipped.
#[derive(Clone, Debug)]
pub(super) struct SlotState {
    pub(super) last: Seq,
    pub(super) answered: Seq,
    /// When the last answer is to be acknowledged, if it still is.
    pub(super) ack_at: Option<Time>,
    pub(super) usage: Use,
}

/// All slots of a session.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    slots: Vec<SlotState>,
    free: Vec<u64>, // one bit a slot, set while it is free
}

impl Slots {
    /// `count` free slots.
    pub(super) fn new(count: u16) -> Self {
        let mut slots = Slots { slots: Vec::new(), free: vec![0; usize::from(count).div_ceil(64)] };
        for slot in 0..count {
            slots.slots.push(SlotState { last: 0, answered: 0, ack_at: None, usage: Use::Free });
            slots.mark(slot, true);
        }
        slots
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&SlotState> {
        self.slots.get(usize::from(slot))
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut SlotState> {
        self.slots.get_mut(usize::from(slot))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &SlotState)> {
        (0..).zip(&self.slots)
    }

    pub(super) fn has_free(&self) -> bool {
        self.free.iter().any(|word| *word != 0)
    }

    /// Puts a call into the lowest free slot, under a number of its own.
    pub(super) fn take(&mut self, call: Call, pause: Duration) -> Result<(Slot, Seq), Call> {
        let found = self.free.iter().enumerate().find(|(_, word)| **word != 0);
        let Some((index, word)) = found else { return Err(call) };
        let slot = (index * 64) as u16 + word.trailing_zeros() as u16;
        let Some(state) = self.slots.get_mut(usize::from(slot)) else { return Err(call) };
        state.last += 1; // below 2^63 for 292,000 years at a million calls a second
        state.ack_at = None; // the new call acknowledges the last reply
        let sending = Sending { call, sent: false, buffered: false, resend_at: Time::NEVER, pause };
        state.usage = Use::Taken(sending);
        let seq = state.last;
        self.mark(slot, false);
        Ok((slot, seq))
    }

    /// Empties a slot and gives what was in it.
    pub(super) fn release(&mut self, slot: Slot) -> Use {
        let Some(state) = self.slots.get_mut(usize::from(slot)) else { return Use::Free };
        let was = std::mem::replace(&mut state.usage, Use::Free);
        self.mark(slot, true);
        was
    }

    /// Empties the slot of a call whose caller has gone; the slot stays taken until its answer is in.
    pub(super) fn soil(&mut self, slot: Slot, dirty: Dirty) -> Use {
        match self.slots.get_mut(usize::from(slot)) {
            Some(state) => std::mem::replace(&mut state.usage, Use::Dirty(dirty)),
            None => Use::Free,
        }
    }

    /// The slot whose call has this tag.
    pub(super) fn find(&self, tag: Tag) -> Option<Slot> {
        self.iter().find_map(|(slot, state)| match &state.usage {
            Use::Taken(sending) if sending.call.tag == tag => Some(slot),
            Use::Dirty(dirty) if dirty.tag == Some(tag) => Some(slot),
            _ => None,
        })
    }

    #[cfg(feature = "sim")]
    pub(super) fn is_marked_free(&self, slot: Slot) -> bool {
        self.free.get(usize::from(slot / 64)).is_some_and(|word| word & (1 << (slot % 64)) != 0)
    }

    fn mark(&mut self, slot: Slot, free: bool) {
        let bit = 1 << (slot % 64);
        if let Some(word) = self.free.get_mut(usize::from(slot / 64)) {
            if free {
                *word |= bit;
            } else {
                *word &= !bit;
            }
        }
    }
}
