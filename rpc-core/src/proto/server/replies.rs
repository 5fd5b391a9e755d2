//! Floor 2: the details of calls that wait, run, or whose reply is kept; and the budget that bounds the kept bytes.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use slab::Slab;

use super::session::SessionKey;
use crate::contract::Entry;
use crate::ids::{Seq, Slot, Time};

/// How often, at the most, old replies are looked for when room is short: the search reads every kept reply.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What a slot has beyond its 32 bytes while it is in use.
#[derive(Debug)]
pub(super) struct Details {
    pub(super) session: SessionKey,
    pub(super) slot: Slot,
    pub(super) seq: Seq,
    pub(super) entry: Entry,
    pub(super) body: Bytes,
    pub(super) deadline: Time,
    pub(super) cancelled: Option<Arc<AtomicBool>>,
    /// The reply's body, once it is kept. The vector is used again by the slot's next call.
    pub(super) reply: Vec<u8>,
    pub(super) kept_at: Time,
}

/// Details by index, and how many bytes of replies they keep.
///
/// Invariant V10: `kept <= budget`.
#[derive(Debug)]
pub(super) struct Replies {
    details: Slab<Details>,
    kept: usize,
    budget: usize,
    swept: Time,
}

impl Replies {
    pub(super) fn new(budget: usize) -> Self {
        Replies { details: Slab::new(), kept: 0, budget, swept: Time::default() }
    }

    /// Bytes of replies kept.
    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    /// How many calls have details.
    #[cfg(feature = "sim")]
    pub(super) fn len(&self) -> usize {
        self.details.len()
    }

    /// Calls that have details.
    #[cfg(test)]
    pub(super) fn calls(&self) -> usize {
        self.details.len()
    }

    /// Stores the details of a new call, in the place that the slot's last call has left if there is one.
    pub(super) fn put(&mut self, place: u32, mut details: Details) -> u32 {
        if let Some(old) = self.details.get_mut(place as usize) {
            self.kept -= old.reply.len();
            details.reply = std::mem::take(&mut old.reply);
            details.reply.clear();
            *old = details;
            return place;
        }
        self.details.insert(details) as u32 // at most slots x sessions of them, below 2^32 by their limits
    }

    pub(super) fn get(&self, place: u32) -> Option<&Details> {
        self.details.get(place as usize)
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Details> {
        self.details.get_mut(place as usize)
    }

    /// Frees a place and its bytes; says how many of them were a kept reply.
    pub(super) fn free(&mut self, place: u32) -> usize {
        match self.details.try_remove(place as usize) {
            Some(details) => {
                self.kept -= details.reply.len();
                details.reply.len()
            }
            None => 0,
        }
    }

    /// Whether `length` more bytes may be kept.
    pub(super) fn has_room(&self, length: usize) -> bool {
        self.kept + length <= self.budget
    }

    /// Keeps a reply; the caller has seen that there is room.
    pub(super) fn keep(&mut self, place: u32, reply: &[u8], now: Time) {
        assert!(self.has_room(reply.len()), "V10: kept bytes stay within the budget");
        let Some(details) = self.details.get_mut(place as usize) else { return };
        debug_assert!(details.reply.is_empty());
        if details.reply.capacity() > 2 * reply.len() + 256 {
            details.reply = Vec::new(); // a vector grown by a larger reply: the budget counts lengths
        }
        details.reply.extend_from_slice(reply);
        details.kept_at = now;
        details.body = Bytes::new();
        self.kept += reply.len();
    }

    /// The places of replies kept for longer than `age`, oldest first; none if it was asked a moment ago.
    pub(super) fn old(&mut self, age: Duration, now: Time) -> Vec<(SessionKey, Slot, Seq)> {
        if now.since(self.swept) < SWEEP_EVERY {
            return Vec::new();
        }
        self.swept = now;
        let kept = self.details.iter().filter(|(_, d)| !d.reply.is_empty() && now.since(d.kept_at) > age);
        let mut old: Vec<_> = kept.map(|(_, d)| (d.kept_at, (d.session, d.slot, d.seq))).collect();
        old.sort_unstable_by_key(|(kept_at, _)| *kept_at);
        old.into_iter().map(|(_, place)| place).collect()
    }
}
