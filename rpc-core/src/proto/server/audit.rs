//! Layer 2: every record of every session, and a check that the sums agree with the parts, for the simulator.

use std::collections::HashMap;

use super::ServerCore;
use super::keys::SessionKey;
use super::record::{CallState, NO_CALL, Record};
use super::run_queue::Turn;
use super::session::{Attachment, Session};
use super::sources::Source;
use crate::ids::{CallId, Seq, SessionId, Time};
use crate::proto::peer::SourceId;

/// The state of a record, for checks from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// No call yet.
    Empty,
    /// Waits to run.
    Queued,
    /// Runs.
    Running,
    /// Ran.
    Ran,
    /// Did not run and never will.
    Refused,
    /// Either of the last two, and its client has the reply.
    Acknowledged,
}

/// The state of a session, as far as it may be told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// The session's name.
    pub id: SessionId,
    /// The address from which it was opened.
    pub source: Option<SourceId>,
    /// True if a connection is attached to it.
    pub attached: bool,
    /// The time since which none is.
    pub detached: Option<Time>,
    /// Bytes that wait to be written on that connection.
    pub unsent: usize,
    /// Bytes ever written for this session.
    pub sent: u64,
    /// True if every reply was written on that connection.
    pub all_written: bool,
    /// Calls that are queued or running.
    pub active: u32,
    /// True if a call of it has begun, or waits to run: it is not evicted.
    pub used: bool,
    /// Bytes of its kept replies.
    pub kept: usize,
    /// True if every reply is acknowledged.
    pub acknowledged: bool,
}

/// The calls of one or more sessions that wait or run, and their kept replies.
#[derive(Clone, Copy, Debug, Default)]
struct Stored {
    /// The number of calls.
    calls: usize,
    /// The number of kept replies.
    replies: usize,
    /// Bytes of those replies.
    kept: usize,
}

impl ServerCore {
    /// Shows every session to `see`.
    pub fn sessions(&self, mut see: impl FnMut(SessionState)) {
        for session in self.links.sessions.iter() {
            let connection = session.attached().and_then(|conn| self.links.connections.get(conn));
            let sent = connection.map_or(session.queued_before, |connection| connection.outgoing.sent());
            see(SessionState {
                sent,
                all_written: session.records().iter().all(|(_, record)| record.reply_end <= sent),
                id: session.id,
                source: session.source,
                attached: session.attached().is_some(),
                detached: match session.attachment {
                    Attachment::Detached(since) => Some(since),
                    Attachment::Attached(_) => None,
                },
                unsent: connection.map_or(0, |connection| connection.outgoing.unsent().len()),
                active: session.sums.active,
                used: session.sums.is_used(),
                kept: session.sums.kept,
                acknowledged: session.is_acknowledged(),
            });
        }
    }

    /// Shows every record to `see`, and checks what holds between any two steps (V10 among it).
    ///
    /// # Errors
    /// What does not hold.
    pub fn audit(&self, mut see: impl FnMut(CallId, RecordState)) -> Result<(), String> {
        let limits = &self.config.limits;
        if self.links.sessions.len() > limits.sessions {
            return Err(format!("V10: {} sessions", self.links.sessions.len()));
        }
        self.links.sessions.audit_nonces()?;
        if self.calls.kept_bytes() > limits.reply_budget || self.calls.kept.len() > limits.replies {
            return Err(format!(
                "V10: {} replies with {} bytes kept",
                self.calls.kept.len(),
                self.calls.kept_bytes()
            ));
        }
        // Each sum is worked out again from its parts: a sum that drifts is found at the step that spoils it.
        self.audit_queue()?;
        self.audit_connections()?;
        self.audit_sources()?;
        self.audit_held()?;
        let (mut stored, mut keepers) = (Stored::default(), 0);
        for session in self.links.sessions.iter() {
            let of_session = self.audit_session(session, &mut see)?;
            stored.calls += of_session.calls;
            stored.replies += of_session.replies;
            stored.kept += of_session.kept;
            keepers += usize::from(of_session.replies > 0);
        }
        let counted = (self.calls.kept_bytes(), self.calls.kept.len(), self.calls.keepers);
        if (stored.kept, stored.replies, keepers) != counted {
            return Err(format!("V10: {stored:?} of {keepers} sessions, counted {counted:?}"));
        }
        if stored.calls != self.calls.calls.len() {
            return Err(format!("{} calls have data, {} are stored", stored.calls, self.calls.calls.len()));
        }
        Ok(())
    }

    /// Checks the records of a session against its sums, and shows them to `see`.
    fn audit_session(
        &self,
        session: &Session,
        see: &mut impl FnMut(CallId, RecordState),
    ) -> Result<Stored, String> {
        if session.records().len() > usize::from(session.sums.slots) {
            return Err(format!("V10: {} records", session.records().len()));
        }
        session.records().audit()?;
        let (mut active, mut running, mut stored) = (0, 0, Stored::default());
        for (slot, record) in session.records().iter() {
            active += u32::from(!record.state.is_final());
            let (data, reply) = (self.calls.of(record), self.calls.reply_of(record));
            // Data where there must be some, and nowhere else: what is left behind would never be freed.
            let is_kept = record.state == CallState::Kept;
            let is_stored = is_kept || !record.state.is_final();
            if (data.is_some() || reply.is_some()) != is_stored || (record.call == NO_CALL) == is_stored {
                return Err(format!("slot {slot}: {record:?} with {data:?} and {reply:?}"));
            }
            stored.calls += usize::from(data.is_some());
            stored.replies += usize::from(is_kept);
            stored.kept += reply.map_or(0, |reply| reply.body.len());
            let runs = record.state == CallState::Running;
            running += data.filter(|_| runs).map_or(0, |data| data.running);
            // An index that two records share would send one client's reply to another.
            let is_other = data.is_some_and(|data| data.seq != record.last || data.slot != slot);
            let owner = reply.map(|reply| (self.links.sessions.get(reply.session), reply.slot));
            let is_others =
                owner.is_some_and(|(of, at)| at != slot || of.is_none_or(|of| of.id != session.id));
            if is_other || is_others {
                return Err(format!("slot {slot}: {record:?} has another's data {data:?} or {reply:?}"));
            }
            see(CallId { session: session.id, slot, seq: record.last }, shown(record.state));
        }
        let sums = &session.sums;
        if active != sums.active {
            return Err(format!("V12: {active} calls under way, {} counted", sums.active));
        }
        if running != sums.running {
            return Err(format!("V10: calls hold {running} bytes, {} counted", sums.running));
        }
        if (stored.kept, stored.replies) != (sums.kept, sums.kept_replies as usize) {
            return Err(format!("V10: {stored:?}, counted {sums:?}"));
        }
        let share = self.config.limits.replies_of_session(sums.slots);
        if stored.kept > share {
            return Err(format!("V19: {} bytes kept for one session, whose share is {share}", stored.kept));
        }
        Ok(stored)
    }

    /// Checks that each source has the sessions that are counted for it, and no more than its share.
    fn audit_sources(&self) -> Result<(), String> {
        let mut counted: HashMap<Source, usize> = HashMap::new();
        for session in self.links.sessions.iter() {
            *counted.entry(session.source).or_default() += 1;
        }
        let most = self.config.limits.sessions_of_source();
        if let Some((source, count)) =
            counted.iter().find(|(source, count)| source.is_some() && **count > most)
        {
            return Err(format!("V19: {count} sessions of {source:?}, at most {most}"));
        }
        self.links.sessions.sources().audit(&counted)
    }

    /// Checks that each call that replies later is counted, once, and that their bound holds.
    fn audit_held(&self) -> Result<(), String> {
        let (mut calls, mut sessions) = (0, 0);
        for session in self.links.sessions.iter() {
            let running = session.records().iter().filter(|(_, record)| record.state == CallState::Running);
            let data = running.filter_map(|(_, record)| self.calls.of(record));
            let later = data.filter(|data| data.entry.method.later).count();
            if later != session.sums.later as usize {
                return Err(format!("V10: {later} calls reply later, {} counted", session.sums.later));
            }
            calls += later;
            sessions += usize::from(later > 0);
        }
        if (calls, sessions) != (self.held.calls, self.held.sessions) || calls > self.config.limits.held {
            return Err(format!("V10: {calls} calls of {sessions} sessions reply later: {:?}", self.held));
        }
        Ok(())
    }

    /// Checks that the lanes and the run queue agree with the records, and that the queue's bounds hold.
    fn audit_queue(&self) -> Result<(), String> {
        let (limits, queue) = (&self.config.limits, &self.links.queue);
        let (mut calls, mut bytes, mut sessions) = (0, 0, 0);
        for (key, session) in self.links.sessions.keys() {
            let lane = &session.lane;
            let is_queued = |record: &&Record| record.state == CallState::Queued;
            let arguments = |record: &Record| self.calls.of(record).map_or(0, |data| data.body.len());
            let duplicates = lane.places().filter_map(|(_, duplicate)| duplicate);
            let records = session.records().iter().map(|(_, record)| record);
            let waiting: Vec<usize> = records.filter(is_queued).map(arguments).collect();
            let waiting: Vec<usize> =
                waiting.into_iter().chain(duplicates.map(|data| data.body.len())).collect();
            if (waiting.len(), waiting.iter().sum()) != (lane.calls as usize, lane.bytes) {
                return Err(format!("V10: {waiting:?} wait, counted {} with {}", lane.calls, lane.bytes));
            }
            let turns = queue.turns.iter().filter(|listed| **listed == key).count();
            if turns != usize::from(lane.turn == Turn::Listed) {
                return Err(format!(
                    "V16: a session is listed {turns} times, and its lane is {:?}",
                    lane.turn
                ));
            }
            if lane.turn == Turn::Empty && !waiting.is_empty() {
                return Err(format!("V16: {} calls wait in a session that gets no turn", waiting.len()));
            }
            if lane.places().count() > usize::from(session.sums.slots) && self.config.at_most_once {
                return Err(format!(
                    "V10: {} places for {} slots",
                    lane.places().count(),
                    session.sums.slots
                ));
            }
            calls += lane.calls as usize;
            bytes += lane.bytes;
            sessions += usize::from(lane.calls > 0);
        }
        let is_gone = |key: &&SessionKey| self.links.sessions.get(**key).is_none();
        if queue.turns.iter().filter(is_gone).count() > 0 {
            return Err("V4: a session that has ended is listed for a turn".to_owned());
        }
        let is_paused = |session: &&Session| session.lane.turn == Turn::Paused;
        let paused = self.links.sessions.iter().filter(is_paused).count();
        if (calls, bytes, sessions, paused) != (queue.calls, queue.bytes, queue.sessions, queue.paused) {
            return Err(format!("V10: {calls} calls with {bytes} bytes wait, counted {queue:?}"));
        }
        if calls > limits.queue || bytes > limits.queue_bytes {
            return Err(format!("V10: {calls} calls with {bytes} bytes wait"));
        }
        Ok(())
    }

    /// Checks the bound on unsent bytes, and that no connection waits for a turn that it does not get.
    fn audit_connections(&self) -> Result<(), String> {
        let (limits, connections) = (&self.config.limits, &self.links.connections);
        let (mut sum, mut room) = (0, 0);
        for (conn, connection) in connections.iter() {
            sum += connection.outgoing.unsent().len();
            room += connection.input.room();
            let idle = connection.may_act(limits) && connection.input.has_unread();
            if idle && !connections.unread.contains(&conn) {
                return Err(format!("V16: connection {conn} has frames and waits for no turn"));
            }
        }
        if room != connections.begun_room || room > limits.frames_budget {
            return Err(format!("V10: {room} bytes of begun frames, {} counted", connections.begun_room));
        }
        if sum != connections.unsent {
            return Err(format!("V10: {sum} bytes are unsent, {} counted", connections.unsent));
        }
        Ok(())
    }

    /// The highest number seen in a slot, for tests of one rule.
    pub fn last_of(&self, call: CallId) -> Option<Seq> {
        let session = self.links.sessions.get(self.links.sessions.find(call.session)?)?;
        session.records().get(call.slot).map(|record| record.last)
    }
}

fn shown(state: CallState) -> RecordState {
    match state {
        CallState::Empty => RecordState::Empty,
        CallState::Queued => RecordState::Queued,
        CallState::Running => RecordState::Running,
        CallState::Kept | CallState::NotKept => RecordState::Ran,
        CallState::Refused => RecordState::Refused,
        CallState::Acknowledged => RecordState::Acknowledged,
    }
}
