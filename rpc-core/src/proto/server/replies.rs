//! Layer 2: the replies of the duplicate filter: sent, sent again, not sent for want of room, or released to make room.

use super::ServerCore;
use super::filter::Filter;
use super::keys::CallKey;
use super::record::CallState;
use crate::contract::Method;
use crate::error::Reason;
use crate::ids::Time;
use crate::proto::peer::Peer;
use crate::wire::frame::{Header, Kind, millis};
use crate::wire::message::{REPLY_NOT_KEPT, Status};

impl Filter<'_> {
    /// Returns true if a reply may be kept, the budget of the server aside: it is short enough for its method, and within
    /// what any session may keep (V19).
    #[inline] // once for each call
    pub(super) fn may_keep(&self, m: &Method, length: usize) -> bool {
        // Idempotent methods keep nothing: their client may run them again. The share is for all slots of the session at once:
        // one client with many slots cannot take the budget of the others.
        let most = self.config.limits.max_cached_reply;
        let share = self.config.limits.replies_of_session(self.sums.slots);
        let is_short = !m.idempotent && length <= m.max_cached_reply.unwrap_or(most);
        is_short && self.sums.kept + length <= share
    }

    /// Releases the kept reply of the slot's last call. The record stays, so nothing can run twice.
    pub(super) fn release_reply(&mut self) {
        if self.record.state == CallState::Kept {
            self.take_reply();
            self.record.state = CallState::NotKept;
        }
    }

    /// Returns true if a reply of this length may be appended to what its connection has to write.
    pub(super) fn has_room_to_send(&self, length: usize) -> bool {
        self.attached.as_ref().is_none_or(|writer| writer.has_room(length, &self.config.limits))
    }

    /// Sends a final reply again, unless it is still unsent on this connection. Returns true if it did.
    pub(super) fn reply_again(&mut self) -> bool {
        let Some(sent) = self.attached.as_ref().map(|writer| writer.connection.outgoing.sent()) else {
            return false;
        };
        // A connection begins to count where the queue of the last one ended: a reply that died unsent with it is sent again.
        if self.record.reply_end > sent {
            return false;
        }
        match self.record.state {
            CallState::Kept => {
                let reply = self.calls.lend_reply(self.record.call);
                self.reply(self.record.code, 0, &reply);
                self.calls.return_reply(self.record.call, reply);
            }
            // Lost for good the first time, and so it is again: over a limit, or not to be encoded.
            CallState::NotKept if self.record.code == Status::ReplyLost.code() => {
                self.reply(self.record.code, 0, &[]);
            }
            CallState::NotKept => {
                self.reply(Status::ReplyLost.code(), self.retry_after(), REPLY_NOT_KEPT.as_bytes());
            }
            // Without its text, which was not kept: W12 allows that.
            CallState::Refused => self.reply(self.record.code, self.retry_millis(), &[]),
            CallState::Empty | CallState::Queued | CallState::Running | CallState::Acknowledged => {
                return false;
            }
        }
        true
    }

    /// Sends a reply to the connection that carries the session now, if there is one (V8).
    #[inline(always)] // once for each call
    pub(super) fn reply(&mut self, code: u8, millis: u32, body: &[u8]) {
        // Detached: the record is final, and the reply is sent again for the duplicate that the client sends after its resume.
        let Some(writer) = &mut self.attached else { return };
        let header = Header { code, millis, ..Header::for_call(Kind::Reply, self.slot, self.record.last) };
        writer.send(&header, body);
        self.counters.replies += 1;
        self.record.reply_end = writer.connection.outgoing.queued();
    }

    /// Returns the peer of the connection that carries the session now.
    pub(super) fn peer(&self) -> Option<Peer> {
        self.attached.as_ref().and_then(|writer| writer.connection.peer)
    }

    /// Returns the pause that a server suggests which is busy or shutting down; 0 for every other refusal.
    pub(super) fn retry_millis(&self) -> u32 {
        // Read from the record, so that a refusal that is sent again suggests the same.
        match Status::from_code(self.record.code) {
            Ok(Status::Refused(Reason::Busy | Reason::Draining)) => self.retry_after(),
            _ => 0,
        }
    }

    /// Returns the pause before another attempt, in milliseconds: at least 1, since 0 means that none helps.
    pub(super) fn retry_after(&self) -> u32 {
        millis(self.config.limits.retry_after).max(1)
    }
}

impl ServerCore {
    /// Releases kept replies, oldest first, until the reply of this call can be kept. A session that has its share makes room with
    /// replies of its own (V19).
    pub(super) fn release_old_replies(&mut self, key: CallKey, length: usize, now: Time) {
        // No reply is released for one that would not be kept in any case, or that needs no room.
        let lacks_room = |filter: Filter<'_>| {
            let method = filter.calls.of(filter.record)?.entry.method;
            (filter.may_keep(method, length) && !filter.calls.has_room(filter.sums, length))
                .then(|| filter.calls.is_in_share(filter.sums, length))
        };
        if key.is_duplicate || self.find_filter(key.session, key.slot).and_then(lacks_room).is_none() {
            return;
        }
        for (session, slot) in self.calls.old_replies(self.config.limits.reply_age, now) {
            let Some(is_in_share) = self.find_filter(key.session, key.slot).and_then(lacks_room) else {
                return;
            };
            if !is_in_share && session != key.session {
                continue;
            }
            if let Some(mut filter) = self.find_filter(session, slot) {
                filter.release_reply();
            }
        }
    }
}
