//! Floor 2: every record of every session, and whether the sums agree with the parts: for the simulator, which looks after each step.

use std::net::IpAddr;

use super::ServerCore;
use super::record::{NO_CALL, State};
use crate::ids::{CallId, Seq, SessionId};

/// What a record says, as far as it may be told from outside.
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
    /// Either of the last two, and its client has the answer.
    Acknowledged,
}

/// What a session says, as far as it may be told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// Its name.
    pub id: SessionId,
    /// Where the client is that opened it.
    pub source: Option<IpAddr>,
    /// A connection is attached to it.
    pub attached: bool,
    /// Bytes that wait to be written on that connection,
    pub unsent: usize,
    /// and bytes ever written for this session.
    pub sent: u64,
    /// Every answer was written on that connection.
    pub answered: bool,
    /// Calls queued or running.
    pub active: u32,
    /// A slot has a record of a call, or of a CANCEL that came before its call.
    pub used: bool,
    /// Every answer is acknowledged.
    pub acknowledged: bool,
}

impl ServerCore {
    /// Shows every session to `see`.
    pub fn sessions(&self, mut see: impl FnMut(SessionState)) {
        for session in self.sessions.iter() {
            let connection = session.attached.and_then(|conn| self.connections.get(conn));
            let sent = connection.map_or(session.sent_before, |connection| connection.outgoing.sent());
            see(SessionState {
                id: session.id,
                source: session.source,
                attached: session.attached.is_some(),
                unsent: connection.map_or(0, |connection| connection.outgoing.unsent().len()),
                sent,
                answered: session.records().iter().all(|record| record.answer_end <= sent),
                active: session.active,
                used: session.records().iter().any(|record| record.last > 0),
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
        if self.sessions.len() > limits.sessions {
            return Err(format!("V10: {} sessions", self.sessions.len()));
        }
        if self.replies.kept() > limits.reply_budget {
            return Err(format!("V10: {} bytes kept", self.replies.kept()));
        }
        let queued: usize = self.queue.iter().map(super::calls::QueueEntry::bytes).sum();
        if queued != self.queue_bytes || self.queue.len() > limits.queue {
            return Err(format!("V10: {queued} bytes queued, {} counted", self.queue_bytes));
        }
        let (mut kept_by_all, mut calls) = (0, 0);
        for session in self.sessions.iter() {
            if session.records().len() > usize::from(session.slots) {
                return Err(format!("V10: {} records", session.records().len()));
            }
            let (mut active, mut kept) = (0, 0);
            for (slot, record) in (0..).zip(session.records()) {
                active += u32::from(!record.state.is_final());
                let details = self.replies.get(record.call);
                let stored = matches!(record.state, State::Queued | State::Running | State::Kept);
                if stored != details.is_some() || (record.call == NO_CALL) == stored {
                    return Err(format!("slot {slot}: {record:?} with {details:?}"));
                }
                calls += usize::from(stored);
                kept += details.map_or(0, |details| details.reply.len());
                if details.is_some_and(|details| details.seq != record.last || details.slot != slot) {
                    return Err(format!("slot {slot}: {record:?} has another's details {details:?}"));
                }
                see(CallId { session: session.id, slot, seq: record.last }, shown(record.state));
            }
            if active != session.active {
                return Err(format!("V12: {active} calls under way, {} counted", session.active));
            }
            if kept != session.kept {
                return Err(format!("V10: {kept} bytes kept, {} counted", session.kept));
            }
            if kept > usize::from(session.slots) * limits.max_cached_reply {
                return Err(format!("V19: {kept} bytes kept for one session of {} slots", session.slots));
            }
            kept_by_all += kept;
        }
        if kept_by_all != self.replies.kept() {
            return Err(format!("V10: {kept_by_all} bytes kept, {} counted", self.replies.kept()));
        }
        if calls != self.replies.len() {
            return Err(format!("{calls} calls have details, {} are stored", self.replies.len()));
        }
        Ok(())
    }

    /// The highest number seen in a slot, for tests of one rule.
    pub fn last_of(&self, call: CallId) -> Option<Seq> {
        let session = self.sessions.get(self.sessions.find(call.session)?)?;
        session.records().get(usize::from(call.slot)).map(|record| record.last)
    }
}

fn shown(state: State) -> RecordState {
    match state {
        State::Empty => RecordState::Empty,
        State::Queued => RecordState::Queued,
        State::Running => RecordState::Running,
        State::Kept | State::NotKept => RecordState::Ran,
        State::Refused => RecordState::Refused,
        State::Acknowledged => RecordState::Acknowledged,
    }
}
