//! Layer 2: the next call to begin: sessions take turns, and long replies do not pile up.
//!
//! Sessions with calls that run side by side wait as well while those hold many arguments.
//!
//! The length of a reply is known only when it is there. Quick calls run one after the other, so the reply of one is counted
//! before the next begins. Slow calls run side by side: a session whose next call is of a method with long replies waits
//! while as many of its calls run as would fill the bound.

use std::net::IpAddr;

use super::ServerCore;
use super::keys::CallKey;
use super::run_queue::ReadyCall;
use super::session::Session;
use crate::contract::Entry;
use crate::ids::Time;
use crate::limits::{LONG_REPLY, RUNNING_ARGUMENTS, UNSENT_EXPECTED};

impl ServerCore {
    /// Takes the next call to run. Its record is `Running` from here on. The thread that runs it must finish it.
    pub fn poll_call(&mut self, now: Time) -> Option<ReadyCall> {
        while let Some(key) = self.links.queue.turns.pop_front() {
            let Some(session) = self.links.sessions.get(key) else { continue }; // not reached: each turn has a session
            if !self.may_begin(session) {
                self.links.pause_calls(key);
                continue;
            }
            let Some(place) = self.links.next_place(key) else { continue };
            let filter = self.find_filter(key, place.slot);
            if let Some(call) = filter.and_then(|mut filter| filter.begin(place, now)) {
                self.running += 1;
                return Some(call);
            }
        }
        None
    }

    /// Returns the address from which the session of this call was opened.
    pub fn source(&self, key: CallKey) -> Option<IpAddr> {
        self.links.sessions.get(key.session)?.source
    }

    /// Returns the method of this call, which runs.
    pub fn entry(&self, key: CallKey) -> Option<Entry> {
        let record = self.links.sessions.get(key.session)?.records().get(key.slot)?;
        Some(self.calls.get(record.call)?.entry)
    }

    /// Returns true if the client of this session reads its replies, and there is room for those that it will get.
    #[inline] // once for each call
    fn may_begin(&self, session: &Session) -> bool {
        let limits = &self.config.limits;
        session.attached().is_none_or(|conn| self.links.connections.may_reply(conn, limits))
            && (session.running() == 0 || !self.would_pile_up(session)) // none runs, as a rule
    }

    /// Returns true if a call may run now, or a session takes turns whose calls were refused meanwhile.
    pub fn has_calls(&self) -> bool {
        !self.links.queue.turns.is_empty()
    }

    /// Returns true if the calls of a session that run, and its next one, may hold more together than a session is to hold:
    /// of arguments, or of replies that are not sent.
    fn would_pile_up(&self, session: &Session) -> bool {
        let slot = session.lane.places.front().map(|place| place.slot);
        let record = slot.and_then(|slot| session.records().get(slot));
        let Some(data) = record.and_then(|record| self.calls.get(record.call)) else { return false };
        if session.sums.running + data.body.len() > RUNNING_ARGUMENTS && session.sums.running > 0 {
            return true;
        }
        let connection = session.attached().and_then(|conn| self.links.connections.get(conn));
        let unsent = connection.map_or(0, |connection| connection.outgoing.unsent().len());
        let expected = self.long_replies.expected(data.entry.method.id);
        expected > 0 && unsent + expected.saturating_mul(session.running() + 1) > UNSENT_EXPECTED
    }

    /// Notes the length of a reply, before its record is settled.
    pub(super) fn note_reply(&mut self, key: CallKey, length: usize) {
        if length < LONG_REPLY && self.long_replies.is_empty() {
            return;
        }
        if let Some(entry) = self.entry(key) {
            self.long_replies.note(entry.method.id, length);
        }
    }
}
