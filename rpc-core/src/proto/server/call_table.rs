//! Layer 2: the data of calls that wait, run, or have a kept reply; and the budget for the bytes of kept replies.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use slab::Slab;

use super::keys::{CallKey, SessionKey};
use super::run_queue::ReadyCall;
use super::session::Sums;
use super::told::Told;
use crate::contract::Entry;
use crate::ids::{CallId, Seq, SessionId, Slot, Time};
use crate::limits::{REPLY_ROOM_SPARE, REPLY_SWEEP_EVERY, ServerLimits};
use crate::proto::peer::Peer;

/// The data of one call: what its slot has beyond the 32 bytes of its record.
#[derive(Clone, Debug)]
pub(super) struct CallData {
    /// The session of the call.
    pub(super) session: SessionKey,
    /// Its slot there.
    pub(super) slot: Slot,
    /// Its number in the slot.
    pub(super) seq: Seq,
    /// The method.
    pub(super) entry: Entry,
    /// The arguments, until the call begins.
    pub(super) body: Bytes,
    /// True if metadata is behind the arguments in `body`.
    pub(super) has_metadata: bool,
    /// The number of bytes of the arguments, of a call that runs.
    pub(super) running: usize,
    /// True once its handler has returned and its reply comes later.
    pub(super) is_held: bool,
    /// The time at which its caller stops waiting.
    pub(super) deadline: Time,
    /// Set when the caller cancels. Present only if the method takes a context.
    pub(super) cancelled: Option<Arc<Told>>,
    /// The body of the reply, once it is kept. The slot's next call uses the vector again.
    pub(super) reply: Vec<u8>,
    /// The time at which the reply was kept.
    pub(super) kept_at: Time,
}

impl CallData {
    /// Takes out what the thread that runs the call needs. `session` is the session's name on the wire.
    #[inline] // once for each call, and so that the call is made where it stays
    pub(super) fn take_for_run(
        &mut self,
        session: SessionId,
        peer: Option<Peer>,
        is_duplicate: bool,
    ) -> ReadyCall {
        self.running = self.body.len();
        ReadyCall {
            key: CallKey { session: self.session, slot: self.slot, seq: self.seq, is_duplicate },
            call: CallId { session, slot: self.slot, seq: self.seq },
            entry: self.entry,
            body: std::mem::take(&mut self.body),
            has_metadata: self.has_metadata,
            deadline: self.deadline,
            peer,
            cancelled: self.cancelled.clone(),
        }
    }
}

/// Bytes that the data of a call takes, its arguments and its reply apart: the slab's mark is in a word of its own.
pub(super) const CALL_BYTES: usize = size_of::<CallData>() + size_of::<usize>();

/// The data of all calls of a loop, by index.
///
/// Invariants (V10): `kept_bytes <= budget`, and `kept_bytes` is the sum of the lengths of all kept replies. `kept_replies <= most`,
/// and `kept_replies` is their number. `keepers` is the number of sessions that have one.
#[derive(Clone, Debug)]
pub(super) struct CallTable {
    /// The calls.
    pub(super) calls: Slab<CallData>,
    /// Bytes of kept replies.
    pub(super) kept_bytes: usize,
    /// The bound on `kept_bytes`.
    pub(super) budget: usize,
    /// The number of kept replies.
    pub(super) kept_replies: usize,
    /// The bound on `kept_replies`.
    pub(super) most: usize,
    /// The number of sessions with a kept reply.
    pub(super) keepers: usize,
    /// The time of the last search for old replies.
    pub(super) swept_at: Time,
}

impl CallTable {
    /// An empty table.
    pub(super) fn new(limits: &ServerLimits) -> Self {
        CallTable {
            calls: Slab::new(),
            kept_bytes: 0,
            budget: limits.reply_budget,
            kept_replies: 0,
            most: limits.replies,
            keepers: 0,
            swept_at: Time::default(),
        }
    }

    /// Returns the number of bytes of kept replies.
    pub(super) fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Returns the number of calls with data.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Stores the data of a new call, at the index of the slot's last call if that is still in use.
    pub(super) fn put(&mut self, index: u32, mut data: CallData) -> u32 {
        if let Some(old) = self.calls.get_mut(index as usize) {
            // The vector of the last reply serves the next one: a slot in use allocates nothing in the long run.
            self.kept_bytes -= old.reply.len();
            data.reply = std::mem::take(&mut old.reply);
            data.reply.clear();
            *old = data;
            return index;
        }
        self.calls.insert(data) as u32 // at most slots x sessions calls: below 2^32 by their limits
    }

    /// Returns the data of a call; `None` for [`super::record::NO_CALL`].
    pub(super) fn get(&self, index: u32) -> Option<&CallData> {
        self.calls.get(index as usize)
    }

    /// Returns the data of a call, to be changed.
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut CallData> {
        self.calls.get_mut(index as usize)
    }

    /// Returns the length of a call's kept reply; 0 if there is none.
    pub(super) fn reply_len(&self, index: u32) -> usize {
        self.get(index).map_or(0, |data| data.reply.len())
    }

    /// Removes the data of a call. Returns the number of bytes that its kept reply had.
    pub(super) fn free(&mut self, index: u32) -> usize {
        let Some(data) = self.calls.try_remove(index as usize) else { return 0 };
        self.kept_bytes -= data.reply.len();
        data.reply.len()
    }

    /// Returns true if the bound leaves room for one more reply, of `length` bytes.
    fn fits(&self, length: usize) -> bool {
        self.kept_bytes + length <= self.budget && self.kept_replies < self.most
    }

    /// Returns true if half of the bound is free for one more reply: every session may keep one then.
    pub(super) fn is_ample(&self, length: usize) -> bool {
        self.kept_bytes + length <= self.budget / 2 && self.kept_replies < self.most / 2
    }

    /// Returns true if one more reply is within the share of its session (V19).
    ///
    /// Half of the bound is for all sessions alike. A session that would use the other half gets an equal share of it, so that
    /// no few sessions take the room of all others. One that keeps nothing may always keep one reply.
    pub(super) fn is_in_share(&self, sums: &Sums, length: usize) -> bool {
        let sharers = self.keepers.max(1);
        let (bytes, replies) = (self.budget / 2 / sharers, self.most / 2 / sharers);
        self.is_ample(length)
            || sums.kept_replies == 0
            || (sums.kept + length <= bytes && sums.kept_replies < replies)
    }

    /// Returns true if one more reply of a session may be kept, of `length` bytes.
    pub(super) fn has_room(&self, sums: &Sums, length: usize) -> bool {
        self.fits(length) && self.is_in_share(sums, length)
    }

    /// Keeps a reply. The caller has checked that there is room.
    pub(super) fn keep(&mut self, index: u32, reply: &[u8], sums: &mut Sums, now: Time) {
        assert!(self.fits(reply.len()), "V10: kept bytes stay within the budget");
        let Some(data) = self.calls.get_mut(index as usize) else { return };
        debug_assert!(data.reply.is_empty(), "a call has one reply");
        if data.reply.capacity() > 2 * reply.len() + REPLY_ROOM_SPARE {
            data.reply = Vec::new(); // a vector that a larger reply has grown: the budget counts lengths
        }
        data.reply.extend_from_slice(reply);
        data.kept_at = now;
        // The arguments are a slice of what was read: as long as it is there, the whole chunk is.
        data.body = Bytes::new();
        self.keepers += usize::from(sums.kept_replies == 0);
        self.kept_replies += 1;
        self.kept_bytes += reply.len();
        sums.kept_replies += 1;
        sums.kept += reply.len();
    }

    /// Counts a kept reply of a session no longer. Its bytes are counted until its data is freed or written over.
    pub(super) fn leave(&mut self, sums: &mut Sums, length: usize) {
        debug_assert!(length <= sums.kept && sums.kept_replies > 0, "V10: the sums cover each kept reply");
        self.keepers -= usize::from(sums.kept_replies == 1);
        self.kept_replies -= 1;
        sums.kept_replies -= 1;
        sums.kept -= length;
    }

    /// Counts all kept replies of a session that ends no longer.
    pub(super) fn leave_all(&mut self, sums: &Sums) {
        self.keepers -= usize::from(sums.kept_replies > 0);
        self.kept_replies -= sums.kept_replies;
    }

    /// Takes a kept reply out for as long as it is appended to a connection, so that it is not copied twice.
    pub(super) fn lend_reply(&mut self, index: u32) -> Vec<u8> {
        self.get_mut(index).map(|data| std::mem::take(&mut data.reply)).unwrap_or_default()
    }

    /// Puts back a reply that was lent.
    pub(super) fn return_reply(&mut self, index: u32, reply: Vec<u8>) {
        if let Some(data) = self.get_mut(index) {
            data.reply = reply;
        }
    }

    /// Tells the handler of a call that its caller has cancelled, if the handler looks.
    pub(super) fn tell_cancelled(&self, index: u32) {
        if let Some(flag) = self.get(index).and_then(|data| data.cancelled.as_ref()) {
            flag.tell();
        }
    }

    /// Tells the handlers of all calls, and the holders of those that are held.
    pub(super) fn tell_all(&self) {
        self.calls.iter().filter_map(|(_, data)| data.cancelled.as_ref()).for_each(|flag| flag.tell());
    }

    /// Returns the calls whose replies were kept for longer than `age`, oldest first.
    ///
    /// Returns none if it searched less than [`REPLY_SWEEP_EVERY`] ago, since the search reads every call.
    pub(super) fn old_replies(&mut self, age: Duration, now: Time) -> Vec<(SessionKey, Slot, Seq)> {
        if now.since(self.swept_at) < REPLY_SWEEP_EVERY {
            return Vec::new();
        }
        self.swept_at = now;
        let kept = self.calls.iter().filter(|(_, d)| !d.reply.is_empty() && now.since(d.kept_at) > age);
        let mut old: Vec<_> = kept.map(|(_, d)| (d.kept_at, (d.session, d.slot, d.seq))).collect();
        old.sort_unstable_by_key(|(kept_at, _)| *kept_at);
        old.into_iter().map(|(_, call)| call).collect()
    }
}
