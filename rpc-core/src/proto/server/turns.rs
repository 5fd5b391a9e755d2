//! Layer 2: the next call to begin: sessions take turns, and long replies do not pile up.
//!
//! Sessions with calls that run side by side wait as well while those hold many arguments.
//!
//! The length of a reply is known only when it is there. Quick calls run one after the other, so the reply of one is counted
//! before the next begins. Slow calls run side by side: a session whose next call is of a method with long replies waits
//! while as many of its calls run as would fill the bound. Of a method whose first calls run side by side nothing is known:
//! a session's second one begins when one has ended, or after a second: see `long_replies`.

use super::ServerCore;
use super::call_table::{CallData, CallTable};
use super::keys::CallKey;
use super::long_replies::LongReplies;
use super::run_queue::ReadyCall;
use super::session::Session;
use crate::contract::Entry;
use crate::ids::Time;
use crate::limits::{HELD_EXPECTED, LONG_REPLY, RUNNING_ARGUMENTS, UNSENT_EXPECTED};
use crate::proto::peer::SourceId;

/// The time at which the next call of a session may begin.
enum Begin {
    /// Now.
    Now,
    /// At this time, or when one of the session's calls has ended.
    At(Time),
    /// Not before the client has read, or one of the session's calls has ended.
    Later,
}

impl ServerCore {
    /// Takes the next call to run. Its record is `Running` from here on. The thread that runs it must finish it.
    pub fn poll_call(&mut self, now: Time) -> Option<ReadyCall> {
        while let Some(key) = self.links.queue.turn() {
            let Some(session) = self.links.sessions.get(key) else {
                self.links.queue.turns.pop_front(); // not reached: each turn has a session
                continue;
            };
            match self.next_begin(session, now) {
                Begin::Now => {}
                Begin::At(time) => {
                    self.links.pause_calls_until(key, time);
                    continue;
                }
                Begin::Later => {
                    self.links.pause_calls(key);
                    continue;
                }
            }
            let Some(place) = self.links.next_place(key) else { continue };
            let Some(mut filter) = self.find_filter(key, place.slot) else { continue };
            let begun = filter.begin(place, now);
            if begun.is_some() {
                self.running += 1;
                return begun; // not moved once more: it is large
            }
        }
        None
    }

    /// Returns the address from which the session of this call was opened.
    pub fn source(&self, key: CallKey) -> Option<SourceId> {
        self.links.sessions.get(key.session)?.source
    }

    /// Returns the method of this call, which runs.
    pub fn entry(&self, key: CallKey) -> Option<Entry> {
        let record = self.links.sessions.get(key.session)?.records().get(key.slot)?;
        Some(self.calls.of(record)?.entry)
    }

    /// Notes that this call runs on a thread of its own since this time, so that others may begin beside it.
    pub fn runs_beside(&mut self, key: CallKey, now: Time) {
        let Some(method) = self.entry(key).map(|entry| entry.method.id) else { return };
        self.long_replies.runs_beside(method, now);
        if let Some(session) = self.links.sessions.get_mut(key.session) {
            session.lane.several().beside_since = now;
        }
    }

    /// Returns the time at which the next call of this session may begin: its client reads its replies, and there is room for
    /// those that it will get.
    #[inline] // once for each call
    fn next_begin(&self, session: &Session, now: Time) -> Begin {
        let limits = &self.config.limits;
        if !session.attached().is_none_or(|conn| self.links.connections.may_reply(conn, limits)) {
            return Begin::Later;
        }
        // None runs, as a rule.
        if session.running() == 0 { Begin::Now } else { self.next_begin_beside(session, now) }
    }

    /// Returns true if a call may run now, or a session takes turns whose calls were refused meanwhile.
    pub fn has_calls(&self) -> bool {
        !self.links.queue.turns.is_empty()
    }

    /// Returns the time at which the next call of this session may begin beside those that run. It waits while they may hold
    /// more together than a session is to hold: of arguments, or of replies that are not sent.
    fn next_begin_beside(&self, session: &Session, now: Time) -> Begin {
        let Some(data) = next_call(session, &self.calls) else { return Begin::Now };
        if session.sums.running + data.body.len() > RUNNING_ARGUMENTS && session.sums.running > 0 {
            return Begin::Later;
        }
        let connection = session.attached().and_then(|conn| self.links.connections.get(conn));
        let unsent = connection.map_or(0, |connection| connection.outgoing.unsent().len());
        let (method, running) = (data.entry.method.id, session.running());
        let expected = self.long_replies.expected(method);
        let replies = unsent.saturating_add(expected.saturating_mul(running + 1));
        let arguments = session.sums.running + session.lane.bytes;
        if expected > 0 && (replies > UNSENT_EXPECTED || replies + arguments > HELD_EXPECTED) {
            return Begin::Later;
        }
        let time = self.long_replies.begin_at(method, running, session.lane.beside_since(), now);
        if time <= now { Begin::Now } else { Begin::At(time) }
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

/// Returns the data of a session's next call.
fn next_call<'a>(session: &Session, calls: &'a CallTable) -> Option<&'a CallData> {
    let slot = session.lane.first()?;
    calls.of(session.records().get(slot)?)
}

impl LongReplies {
    /// Notes that the timer of a session has fired whose next call waits until it may begin beside others.
    pub(super) fn timer_fired(&mut self, session: Option<&Session>, calls: &CallTable, now: Time) {
        if let Some(next) = session.and_then(|session| next_call(session, calls)) {
            self.step(next.entry.method.id, now);
        }
    }
}
