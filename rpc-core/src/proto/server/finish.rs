//! Floor 2: answers: a call that has run or is refused becomes final, its reply is kept if there is room, and is sent.

use super::ServerCore;
use super::calls::{CallKey, refused};
use super::record::{NO_CALL, State};
use super::session::SessionKey;
use crate::error::Reason;
use crate::ids::{Slot, Time};
use crate::limits::MAX_DETAIL;
use crate::wire::frame::{Header, Kind};
use crate::wire::message::{REPLY_NOT_KEPT, Status, cut};

impl ServerCore {
    /// A call that was handed out has ended: it ran, or its stub refused it before the user's function was entered.
    pub fn finish(&mut self, key: CallKey, status: Status, body: &[u8], now: Time) {
        self.running -= 1;
        self.counters.panics += u64::from(status == Status::Panicked);
        if key.is_copy {
            self.answer_copy(key, status, body);
            return;
        }
        let Some(session) = self.sessions.get_mut(key.session) else {
            self.counters.results_without_session += 1;
            return;
        };
        session.active -= 1;
        let Some(record) = session.record(key.slot) else { return };
        assert!(record.last == key.seq && record.state == State::Running, "V12: a call ends once");
        if let Status::Refused(reason) = status {
            self.refuse(key.session, key.slot, reason, &String::from_utf8_lossy(body));
            return;
        }
        let place = record.call;
        let keep = self.may_keep(key.session, place, body.len(), now);
        if keep {
            self.replies.keep(place, body, now);
        } else {
            self.replies.free(place);
        }
        let Some(session) = self.sessions.get_mut(key.session) else { return };
        session.kept += if keep { body.len() } else { 0 };
        let Some(record) = session.record(key.slot) else { return };
        record.settle(if keep { State::Kept } else { State::NotKept }, status.code());
        record.call = if keep { place } else { NO_CALL };
        self.answer(key.session, key.slot, status.code(), 0, body);
    }

    /// Settles a call that never ran, and says so.
    pub(super) fn refuse(&mut self, key: SessionKey, slot: Slot, reason: Reason, text: &str) {
        self.counters.refused += 1;
        let Some(record) = self.find_record(key, slot) else { return };
        record.settle(State::Refused, refused(reason));
        let place = std::mem::replace(&mut record.call, NO_CALL);
        self.replies.free(place);
        let millis = if reason == Reason::Busy { self.retry_millis() } else { 0 };
        self.answer(key, slot, refused(reason), millis, cut(text, MAX_DETAIL).as_bytes());
    }

    /// Gives a final answer again, unless it is still unsent on this connection. Says whether it did.
    pub(super) fn answer_again(&mut self, key: SessionKey, slot: Slot) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let attached = session.attached;
        let Some(record) = session.record(slot).copied() else { return false };
        let Some(connection) = attached.and_then(|conn| self.connections.get(conn)) else { return false };
        if record.answer_end > connection.outgoing.sent() {
            return false;
        }
        match record.state {
            State::Kept => {
                // The reply is lent out for the length of one call, so that it is not copied twice.
                let Some(details) = self.replies.get_mut(record.call) else { return false };
                let reply = std::mem::take(&mut details.reply);
                self.answer(key, slot, record.code, 0, &reply);
                if let Some(details) = self.replies.get_mut(record.call) {
                    details.reply = reply;
                }
            }
            State::NotKept => self.answer(key, slot, Status::ReplyLost.code(), 0, REPLY_NOT_KEPT.as_bytes()),
            State::Refused => {
                let millis = if record.code == refused(Reason::Busy) { self.retry_millis() } else { 0 };
                self.answer(key, slot, record.code, millis, &[]);
            }
            State::Empty | State::Queued | State::Running | State::Acknowledged => return false,
        }
        true
    }

    /// Sends the answer to the connection that is attached now, if there is one (V8: no other ever gets it).
    fn answer(&mut self, key: SessionKey, slot: Slot, code: u8, millis: u32, body: &[u8]) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(conn) = session.attached else { return };
        let Some(record) = session.record(slot) else { return };
        let Some(connection) = self.connections.get_mut(conn) else { return };
        let header = Header { code, millis, ..Header::for_call(Kind::Reply, slot, record.last) };
        connection.send(&header, body);
        record.answer_end = connection.outgoing.queued();
        self.touch(conn);
        self.linger_anew(); // V20: this answer too, also if it is written between two looks
    }

    /// The filter is off: a copy's answer is sent and not recorded; the client ignores it. A copy that overtook its
    /// original says nothing: its client would go on to the next call, over a record that is not final (V3).
    fn answer_copy(&mut self, key: CallKey, status: Status, body: &[u8]) {
        let record = self.find_record(key.session, key.slot);
        if !record.is_some_and(|record| record.last > key.seq || record.state.is_final()) {
            return;
        }
        let Some(conn) = self.sessions.get(key.session).and_then(|session| session.attached) else { return };
        let header = Header { code: status.code(), ..Header::for_call(Kind::Reply, key.slot, key.seq) };
        self.send(conn, &header, body);
    }

    /// Whether a reply is kept: not too large, within the session's share, within the budget of all.
    fn may_keep(&mut self, key: SessionKey, place: u32, length: usize, now: Time) -> bool {
        let limits = &self.config.limits;
        let (most, age) = (limits.max_cached_reply, limits.reply_age);
        let Some(method) = self.replies.get(place).map(|details| details.entry.method) else { return false };
        if method.idempotent || length > method.max_cached_reply.unwrap_or(most) {
            return false;
        }
        let Some(session) = self.sessions.get(key) else { return false };
        if session.kept + length > usize::from(session.slots) * most {
            return false;
        }
        if !self.replies.has_room(length) {
            self.let_old_replies_go(length, age, now);
        }
        self.replies.has_room(length)
    }

    /// Lets kept bytes go, oldest first, until `length` more fit. The records stay, so nothing can run twice.
    fn let_old_replies_go(&mut self, length: usize, age: std::time::Duration, now: Time) {
        for (key, slot, seq) in self.replies.old(age, now) {
            if self.replies.has_room(length) {
                return;
            }
            let Some(session) = self.sessions.get_mut(key) else { continue };
            let Some(record) = session.record(slot) else { continue };
            if record.last != seq || record.state != State::Kept {
                continue;
            }
            record.state = State::NotKept;
            let place = std::mem::replace(&mut record.call, NO_CALL);
            session.kept -= self.replies.free(place);
        }
    }

    fn retry_millis(&self) -> u32 {
        self.config.limits.retry_after.as_millis().min(u128::from(u32::MAX)) as u32
    }
}
