//! Layer 2: the next call to begin: sessions take turns, and long replies do not pile up.
//!
//! The length of a reply is known only when it is there. Quick calls run one after the other, so the reply of one is counted
//! before the next begins. Slow calls run side by side: a session whose next call is of a method with long replies waits
//! while as many of its calls run as would fill the bound.

use std::collections::HashMap;

use super::ServerCore;
use super::connection::{ConnId, Connections};
use super::keys::{CallKey, SessionKey};
use super::run_queue::ReadyCall;
use crate::ids::{MethodId, Time};
use crate::limits::{LONG_REPLY, ServerLimits, UNSENT_EXPECTED};

/// The longest reply of each method that has had a long one, in bytes: at most one entry for each method of the server.
#[derive(Clone, Debug, Default)]
pub(super) struct LongReplies(HashMap<MethodId, usize>);

impl LongReplies {
    /// Notes the length of a reply. A shorter one lowers what is expected by a sixteenth.
    pub(super) fn note(&mut self, method: MethodId, length: usize) {
        if length >= LONG_REPLY || self.0.contains_key(&method) {
            let longest = self.0.entry(method).or_default();
            *longest = length.max(*longest - *longest / 16);
        }
    }

    /// Returns the length to expect of a method's reply; 0 if it has had no long one.
    pub(super) fn expected(&self, method: MethodId) -> usize {
        self.0.get(&method).copied().unwrap_or(0)
    }
}

impl Connections {
    /// Returns true if a call may begin whose reply goes to this connection: it has few unsent bytes, and while all
    /// connections together have many, no more than its share.
    #[inline]
    pub(super) fn may_reply(&self, conn: ConnId, limits: &ServerLimits) -> bool {
        let Some(connection) = self.connections.get(conn) else { return true };
        let (own, share) = (connection.outgoing.unsent().len(), limits.unsent_budget / 2);
        own < limits.unsent_pause && (self.unsent <= share || own <= share / self.connections.len())
    }
}

impl ServerCore {
    /// Takes the next call to run. Its record is `Running` from here on. The thread that runs it must finish it.
    pub fn poll_call(&mut self, now: Time) -> Option<ReadyCall> {
        while let Some(session) = self.links.next_turn(&self.config.limits) {
            if self.replies_would_pile_up(session) {
                self.links.pause(session);
                continue;
            }
            let Some(place) = self.links.take_place(session) else { continue };
            let filter = self.find_filter(session, place.slot);
            if let Some(call) = filter.and_then(|mut filter| filter.begin(place, now)) {
                self.running += 1;
                return Some(call);
            }
        }
        None
    }

    /// Returns true if a call may run now, or a session takes turns whose calls were refused meanwhile.
    pub fn has_calls(&self) -> bool {
        !self.links.queue.turns.is_empty()
    }

    /// Returns true if the replies of the calls of a session that run, and that of its next call, may be more together than
    /// a connection is to have unsent.
    fn replies_would_pile_up(&self, key: SessionKey) -> bool {
        if self.long_replies.0.is_empty() {
            return false;
        }
        let Some(session) = self.links.sessions.get(key) else { return false };
        let running = (session.sums.active as usize).saturating_sub(session.lane.calls); // less only if the filter is off
        let slot = session.lane.places.front().map(|place| usize::from(place.slot));
        let record = slot.and_then(|slot| session.records().get(slot));
        let Some(data) = record.and_then(|record| self.calls.get(record.call)).filter(|_| running > 0) else {
            return false;
        };
        let unsent = session.attached().and_then(|conn| self.links.connections.get(conn));
        let unsent = unsent.map_or(0, |connection| connection.outgoing.unsent().len());
        let expected = self.long_replies.expected(data.entry.method.id);
        expected > 0 && unsent + expected.saturating_mul(running + 1) > UNSENT_EXPECTED
    }

    /// Returns true if a method has had a long reply: the search makes none, so it need not look closer.
    #[cfg(feature = "__inspection")]
    pub(super) fn has_long_replies(&self) -> bool {
        !self.long_replies.0.is_empty()
    }

    /// Notes the length of a reply, before its record is settled.
    pub(super) fn note_reply(&mut self, key: CallKey, length: usize) {
        if length < LONG_REPLY && self.long_replies.0.is_empty() {
            return;
        }
        let session = self.links.sessions.get(key.session);
        let record = session.and_then(|session| session.records().get(usize::from(key.slot)));
        if let Some(data) = record.and_then(|record| self.calls.get(record.call)) {
            self.long_replies.note(data.entry.method.id, length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_of_a_method_rises_at_once_and_falls_slowly() {
        let mut replies = LongReplies::default();
        let (long, short) = (MethodId(1), MethodId(2));
        replies.note(short, LONG_REPLY - 1);
        assert_eq!(replies.expected(short), 0, "it has had no long reply");
        replies.note(long, 1 << 20);
        assert_eq!(replies.expected(long), 1 << 20);
        replies.note(long, 10);
        assert_eq!(replies.expected(long), (1 << 20) * 15 / 16);
        (0..300).for_each(|_| replies.note(long, 10));
        assert!(replies.expected(long) < 32, "{}", replies.expected(long));
    }
}
