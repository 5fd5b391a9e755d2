//! Layer 2: the canonical form of a server: all that decides what it does from now on, and nothing else.
//!
//! Left out: counters (but for the number of sessions opened, which decides the next session's id), serial numbers,
//! timers that will find nothing to do, and the contents of unfinished frames (the search hands in whole ones).
//!
//! As on the client's side: equal forms must behave equally. Indices of slabs and positions in the stream of bytes are names, and
//! are replaced by what they name: a session by its id, a connection by its place in the caller's list, a position by its
//! distance from what is written. Two servers that differ in such names only are one state.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::call_table::{CallData, KeptReply};
use super::connection::{Connection, Stage};
use super::keys::SessionKey;
use super::record::{CallState, Record};
use super::session::{Attachment, Session};
use super::timers::Timer;
use super::told::Told;
use super::{ConnId, ServerCore};
use crate::ids::{CallId, SessionId, Time};
use crate::proto::Canonical;

impl ServerCore {
    /// Writes the canonical form. `connections` are all open ones, in an order of the caller's own.
    pub fn canonical(&self, connections: &[ConnId], form: &mut Canonical) {
        form.number(self.counters.opened);
        form.count(self.links.connections.len());
        for conn in connections {
            if let Some(connection) = self.links.connections.get(*conn) {
                self.canonical_connection(connection, form);
            }
        }
        let mut sessions: Vec<&Session> = self.links.sessions.iter().collect();
        // By id and not by index: which index was free is history.
        sessions.sort_unstable_by_key(|session| session.id.0);
        form.count(sessions.len());
        for session in sessions {
            let place =
                session.attached().and_then(|conn| connections.iter().position(|known| *known == conn));
            self.canonical_session(session, place, form);
        }
        for (forget_at, nonce) in self.links.sessions.nonces.ended() {
            form.name(u128::from_le_bytes(nonce.0));
            form.due(forget_at);
        }
        form.count(self.links.queue.turns.len());
        self.links.queue.turns.iter().for_each(|key| self.canonical_key(*key, form));
        form.flags(&[self.long_replies.is_empty()]); // the search makes none, so it need not look closer
        self.canonical_timers(connections, form);
        // Its members are the connections with `is_ready`, which is written above.
        form.count(self.links.connections.ready.len());
        form.count(self.handovers.len());
        form.count(self.running);
        form.flags(&[self.drain.is_some()]);
        if let Some(drain) = &self.drain {
            form.due(drain.ends);
            form.due(drain.began.plus(self.config.limits.drain_detached));
            form.due(drain.next);
            let linger = self.config.limits.drain_linger;
            form.due_if_set(drain.quiet_since.map(|since| since.plus(linger)));
            form.flags(&[drain.done, drain.forced, drain.events == self.counters.drain_events()]);
        }
    }

    /// Gives every call a cancel flag of its own, with the value that it has: after a clone, which shares the flags.
    pub fn unshare_flags(&mut self) {
        for session in self.links.sessions.iter() {
            for (_, record) in session.records().iter() {
                let Some(data) = self.calls.of_mut(record) else { continue };
                if let Some(flag) = &mut data.cancelled {
                    *flag = Arc::new(Told::new(flag.load(Ordering::Relaxed)));
                }
            }
        }
    }

    /// Returns the cancel flag of a call that waits or runs; `None` if its method does not look.
    pub fn is_cancelled(&self, call: CallId) -> Option<bool> {
        let session = self.links.sessions.get(self.links.sessions.find(call.session)?)?;
        let record = session.records().get(call.slot).filter(|record| record.last == call.seq)?;
        let flag = self.calls.of(record)?.cancelled.as_ref()?;
        Some(flag.load(Ordering::Relaxed))
    }

    /// Returns the time since which no connection is attached to a session; `None` if one is, or the session has ended.
    pub fn detached_since(&self, id: SessionId) -> Option<Time> {
        let session = self.links.sessions.get(self.links.sessions.find(id)?)?;
        match session.attachment {
            Attachment::Detached(since) => Some(since),
            Attachment::Attached(_) => None,
        }
    }

    fn canonical_connection(&self, connection: &Connection, form: &mut Canonical) {
        match connection.stage {
            Stage::Greeting(_) => form.number(1),
            Stage::Attached(key) => {
                form.number(2);
                self.canonical_key(key, form);
                // 0, unless two connections hold the same session: then each counts its bytes for itself.
                let written = self.links.sessions.get(key).map_or(0, |session| self.written(session));
                form.number(connection.outgoing.sent().wrapping_sub(written));
            }
            Stage::Closing => form.number(3),
            Stage::Closed => form.number(4),
        }
        form.data(connection.outgoing.unsent());
        form.number(connection.hello);
        form.flags(&[
            connection.is_ready,
            connection.is_held,
            connection.waits_for_turn,
            connection.has_stall_timer,
            connection.checksum,
            connection.input.has_unread(),
            connection.input.is_mid_frame(),
        ]);
        form.due(connection.strikes.half_forgiven_at());
    }

    fn canonical_session(&self, session: &Session, place: Option<usize>, form: &mut Canonical) {
        form.name(session.id.0);
        if let Some(nonce) = session.nonce {
            form.name(u128::from_le_bytes(nonce.0));
        }
        form.flags(&[
            session.attached().is_some(),
            session.sums.has_run,
            session.has_lease_timer,
            session.is_listed,
        ]);
        form.count(place.map_or(0, |place| place + 1));
        let lease = self.config.limits.lease;
        // While attached the lease does not run: the time of the last detachment is history.
        form.due_if_set(match session.attachment {
            Attachment::Detached(since) => Some(since.plus(lease)),
            Attachment::Attached(_) => None,
        });
        // The same time decides how long a drain waits for it.
        form.due_if_set(match session.attachment {
            Attachment::Detached(since) if self.drain.is_some() => {
                Some(since.plus(self.config.limits.drain_detached))
            }
            Attachment::Detached(_) | Attachment::Attached(_) => None,
        });
        form.number(u64::from(session.sums.active));
        form.count(session.sums.kept);
        let written = self.written(session);
        form.count(session.records().len());
        for (slot, record) in session.records().iter() {
            form.number(u64::from(slot));
            self.canonical_record(record, written, form);
        }
        form.number(session.lane.turn as u64);
        form.count(session.lane.places().count());
        for (slot, duplicate) in session.lane.places() {
            form.number(u64::from(slot));
            form.flags(&[duplicate.is_some()]);
            if let Some(data) = duplicate {
                form.number(data.seq);
                self.canonical_data(data, CallState::Queued, form);
            }
        }
    }

    /// Returns how many of the bytes ever queued for a session have been written.
    fn written(&self, session: &Session) -> u64 {
        let attached = session.attached().and_then(|conn| self.links.connections.get(conn));
        attached.map_or(session.queued_before, |connection| connection.outgoing.sent())
    }

    /// Writes a record. Of the position of its reply's end only the distance from what is written counts.
    fn canonical_record(&self, record: &Record, written: u64, form: &mut Canonical) {
        form.number(record.last);
        form.number(record.fingerprint);
        form.number(record.state as u64);
        form.number(u64::from(record.code));
        form.number(record.reply_end.saturating_sub(written));
        match (self.calls.of(record), self.calls.reply_of(record)) {
            (Some(data), _) => {
                form.number(1);
                self.canonical_data(data, record.state, form);
            }
            (None, Some(reply)) => {
                form.number(2);
                self.canonical_reply(reply, form);
            }
            (None, None) => form.number(0),
        }
    }

    fn canonical_data(&self, data: &CallData, state: CallState, form: &mut Canonical) {
        form.number(data.entry.method.id.0);
        form.data(&data.body);
        // Once the call runs, the protocol does not look at its deadline any more.
        form.due(if state == CallState::Queued { data.deadline } else { Time::NEVER });
        let cancelled = data.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed));
        form.flags(&[cancelled, data.has_metadata]);
    }

    fn canonical_reply(&self, reply: &KeptReply, form: &mut Canonical) {
        form.data(&reply.body);
        // The age of a reply only counts where there may be no room for the next one.
        let limits = &self.config.limits;
        if !self.calls.is_ample(limits.max_cached_reply) {
            form.due(reply.kept_at.plus(limits.reply_age));
            form.due(self.calls.swept_at);
        }
    }

    fn canonical_timers(&self, connections: &[ConnId], form: &mut Canonical) {
        let place = |conn: ConnId, serial: u64| {
            let known = self.links.connections.get(conn).filter(|connection| connection.serial == serial)?;
            Some((connections.iter().position(|open| *open == conn).unwrap_or(connections.len()), known))
        };
        for ((due, _), timer) in &self.links.timers.due {
            match timer {
                Timer::Hello(conn, serial) => {
                    if let Some((at, _)) = place(*conn, *serial).filter(|(_, c)| c.is_greeting()) {
                        form.number(1);
                        form.count(at);
                        form.due(*due);
                    }
                }
                Timer::Stall(watch) => {
                    if let Some((at, connection)) = place(watch.conn, watch.serial) {
                        form.number(2);
                        form.count(at);
                        // The mark counts by one question: has anything been written since?
                        form.flags(&[watch.mark == connection.outgoing.sent()]);
                        form.due(*due);
                    }
                }
                Timer::Frame(watch) => {
                    if let Some((at, connection)) = place(watch.conn, watch.serial) {
                        form.number(4);
                        form.count(at);
                        form.flags(&[watch.frame == connection.input.progress().0]);
                        form.due(*due);
                    }
                }
                Timer::Lease(key) => {
                    if self.links.sessions.get(*key).is_some() {
                        form.number(3);
                        self.canonical_key(*key, form);
                        form.due(*due);
                    }
                }
                // The search gives no call a thread, so there is none, and no lane has a time since when one has one.
                Timer::Begin(_) => form.number(4),
            }
        }
    }

    /// Writes the session that a key names; 0 if it has ended.
    fn canonical_key(&self, key: SessionKey, form: &mut Canonical) {
        form.name(self.links.sessions.get(key).map_or(0, |session| session.id.0));
    }
}
