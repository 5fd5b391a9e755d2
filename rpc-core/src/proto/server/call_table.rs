//! Layer 2: the data of calls that wait or run, the kept replies of those that ran, and the budget for the bytes of these.
//!
//! A call that ends leaves the one table, and its reply enters the other if it is kept: so an idle client costs its kept replies, and
//! not what a call needs while it runs.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use slab::Slab;

use super::keys::{CallKey, SessionKey};
use super::record::Record;
use super::run_queue::ReadyCall;
use super::session::Sums;
use super::told::Told;
use crate::contract::Entry;
use crate::ids::{CallId, Seq, SessionId, Slot, Time};
use crate::limits::{REPLY_ROOM_SPARE, REPLY_SWEEP_EVERY, ServerLimits, TABLE_ROOM};
use crate::proto::peer::Peer;

/// The data of a call that waits or runs: what its slot has beyond the 32 bytes of its record.
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
    /// The empty vector of the slot's last kept reply: its next one uses it again.
    pub(super) room: Vec<u8>,
}

/// A kept reply.
#[derive(Clone, Debug)]
pub(super) struct KeptReply {
    /// The session of its call.
    pub(super) session: SessionKey,
    /// The slot there.
    pub(super) slot: Slot,
    /// The body.
    pub(super) body: Vec<u8>,
    /// The time at which it was kept.
    pub(super) kept_at: Time,
}

impl CallData {
    /// Takes out what the thread that runs the call needs. `session` is the session's name on the wire, and `fingerprint`
    /// is that of the call.
    #[inline] // once for each call, and so that the call is made where it stays
    pub(super) fn take_for_run(
        &mut self,
        session: SessionId,
        fingerprint: u64,
        peer: Option<Peer>,
        is_duplicate: bool,
    ) -> ReadyCall {
        self.running = self.body.len();
        ReadyCall {
            key: CallKey { session: self.session, slot: self.slot, seq: self.seq, is_duplicate },
            call: CallId { session, slot: self.slot, seq: self.seq },
            entry: self.entry,
            fingerprint,
            body: std::mem::take(&mut self.body),
            has_metadata: self.has_metadata,
            deadline: self.deadline,
            peer,
            cancelled: self.cancelled.clone(),
        }
    }
}

/// Bytes that the data of a call takes while it waits or runs, its arguments apart: the slab's mark is in a word of its own.
pub(super) const CALL_BYTES: usize = size_of::<CallData>() + size_of::<usize>();

/// Bytes that a kept reply takes beside its own, with the slab's mark.
pub(super) const KEPT_BYTES: usize = size_of::<KeptReply>() + size_of::<usize>();

/// The calls that wait or run, and the kept replies, of all sessions of a loop. A record has the index of its call while that waits or
/// runs, and then the index of its kept reply: the record's state says which.
///
/// Invariants (V10): `kept_bytes <= budget`, and `kept_bytes` is the sum of the lengths of all kept replies. Their number is at most
/// `most`. `keepers` is the number of sessions that have one.
#[derive(Clone, Debug)]
pub(super) struct CallTable {
    /// The calls that wait or run.
    pub(super) calls: Slab<CallData>,
    /// The kept replies.
    pub(super) kept: Slab<KeptReply>,
    /// Bytes of kept replies.
    pub(super) kept_bytes: usize,
    /// The bound on `kept_bytes`.
    pub(super) budget: usize,
    /// The bound on the number of kept replies.
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
            kept: Slab::with_capacity(TABLE_ROOM / size_of::<KeptReply>()),
            kept_bytes: 0,
            budget: limits.reply_budget,
            most: limits.replies,
            keepers: 0,
            swept_at: Time::default(),
        }
    }

    /// Returns the number of bytes of kept replies.
    pub(super) fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Returns the bytes that calls and kept replies take, beside arguments and replies.
    pub(super) fn bytes(&self) -> usize {
        self.calls.len() * CALL_BYTES + self.kept.len() * KEPT_BYTES
    }

    /// Returns the call of a record, if it waits or runs.
    pub(super) fn of(&self, record: &Record) -> Option<&CallData> {
        self.get(record.call).filter(|_| !record.state.is_final())
    }

    /// Returns the call of a record, to be changed, if it waits or runs.
    #[inline(always)] // once for each call
    pub(super) fn of_mut(&mut self, record: &Record) -> Option<&mut CallData> {
        self.calls.get_mut(record.call as usize).filter(|_| !record.state.is_final())
    }

    /// Returns the kept reply of a record, if there is one.
    pub(super) fn reply_of(&self, record: &Record) -> Option<&KeptReply> {
        self.kept.get(record.call as usize).filter(|_| record.state == super::record::CallState::Kept)
    }

    /// Stores the data of a new call. Returns its index.
    #[inline(always)] // so that the data is made where it stays
    pub(super) fn put(&mut self, data: CallData) -> u32 {
        self.calls.insert(data) as u32 // at most slots x sessions calls: below 2^32 by their limits
    }

    /// Returns a call that waits or runs, by the index of its data.
    fn get(&self, index: u32) -> Option<&CallData> {
        self.calls.get(index as usize)
    }

    /// Removes the data of a call that waits or runs no longer; nothing for [`super::record::NO_CALL`].
    pub(super) fn free(&mut self, index: u32) {
        self.calls.try_remove(index as usize);
    }

    /// Returns true if the bound leaves room for one more reply, of `length` bytes.
    #[inline(always)] // once for each call
    fn fits(&self, length: usize) -> bool {
        self.kept_bytes + length <= self.budget && self.kept.len() < self.most
    }

    /// Returns true if half of the bound is free for one more reply: every session may keep one then.
    #[inline(always)] // once for each call
    pub(super) fn is_ample(&self, length: usize) -> bool {
        self.kept_bytes + length <= self.budget / 2 && self.kept.len() < self.most / 2
    }

    /// Returns true if one more reply is within the share of its session (V19).
    ///
    /// Half of the bound is for all sessions alike. A session that would use the other half gets an equal share of it, so that
    /// no few sessions take the room of all others. One that keeps nothing may always keep one reply.
    #[inline]
    pub(super) fn is_in_share(&self, sums: &Sums, length: usize) -> bool {
        if self.is_ample(length) || sums.kept_replies == 0 {
            return true; // the common case
        }
        let sharers = self.keepers.max(1);
        let (bytes, replies) = (self.budget / 2 / sharers, self.most / 2 / sharers);
        sums.kept + length <= bytes && (sums.kept_replies as usize) < replies
    }

    /// Returns true if one more reply of a session may be kept, of `length` bytes.
    #[inline(always)] // once for each call
    pub(super) fn has_room(&self, sums: &Sums, length: usize) -> bool {
        self.fits(length) && self.is_in_share(sums, length)
    }

    /// Keeps the reply of a call that has run, in place of the call's data. Returns its index. The caller has checked that there is
    /// room.
    #[inline(always)] // once for each call
    pub(super) fn keep(&mut self, index: u32, reply: &[u8], sums: &mut Sums, now: Time) -> u32 {
        let data = self.calls.remove(index as usize); // the call runs: its record has this index
        let mut body = data.room;
        if body.capacity() > 2 * reply.len() + REPLY_ROOM_SPARE {
            body = Vec::new(); // a vector that a larger reply has grown: the budget counts lengths
        }
        body.extend_from_slice(reply);
        self.add_kept(KeptReply { session: data.session, slot: data.slot, body, kept_at: now }, sums)
    }

    /// Adds a kept reply. Returns its index. The caller has checked that there is room.
    #[inline(always)] // once for each call
    pub(super) fn add_kept(&mut self, reply: KeptReply, sums: &mut Sums) -> u32 {
        let length = reply.body.len();
        assert!(self.fits(length), "V10: kept bytes stay within the budget");
        self.keepers += usize::from(sums.kept_replies == 0);
        self.kept_bytes += length;
        sums.kept_replies += 1;
        sums.kept += length;
        self.kept.insert(reply) as u32 // as `put`
    }

    /// Removes a kept reply. Returns its vector, empty, for the slot's next one: a slot in use allocates nothing in the long run.
    #[inline(always)] // once for each call
    pub(super) fn release(&mut self, index: u32, sums: &mut Sums) -> Vec<u8> {
        let mut room = self.kept.remove(index as usize).body; // its record is `Kept`, and has this index
        debug_assert!(
            room.len() <= sums.kept && sums.kept_replies > 0,
            "V10: the sums cover each kept reply"
        );
        self.keepers -= usize::from(sums.kept_replies == 1);
        self.kept_bytes -= room.len();
        sums.kept_replies -= 1;
        sums.kept -= room.len();
        room.clear();
        room
    }

    /// Takes a kept reply out for as long as it is appended to a connection, so that it is not copied twice.
    pub(super) fn lend_reply(&mut self, index: u32) -> Vec<u8> {
        self.kept.get_mut(index as usize).map(|kept| std::mem::take(&mut kept.body)).unwrap_or_default()
    }

    /// Puts back a reply that was lent.
    pub(super) fn return_reply(&mut self, index: u32, reply: Vec<u8>) {
        if let Some(kept) = self.kept.get_mut(index as usize) {
            kept.body = reply;
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

    /// Returns the slots whose replies were kept for longer than `age`, oldest first. Empty replies are passed over: they make no room.
    ///
    /// Returns none if it searched less than [`REPLY_SWEEP_EVERY`] ago, since the search reads every reply.
    pub(super) fn old_replies(&mut self, age: Duration, now: Time) -> Vec<(SessionKey, Slot)> {
        if now.since(self.swept_at) < REPLY_SWEEP_EVERY {
            return Vec::new();
        }
        self.swept_at = now;
        let kept = self.kept.iter().filter(|(_, r)| !r.body.is_empty() && now.since(r.kept_at) > age);
        let mut old: Vec<_> = kept.map(|(_, r)| (r.kept_at, (r.session, r.slot))).collect();
        old.sort_unstable_by_key(|(kept_at, _)| *kept_at);
        old.into_iter().map(|(_, slot)| slot).collect()
    }
}
