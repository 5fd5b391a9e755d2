//! Floor 2: CALL, CANCEL and ACK against the record of their slot, and the queue of calls that may run.
//!
//! The table of `docs/at_most_once.md`, row by row. Order of the tests: attached? slot? number against `last`? copy?
//! and only then lateness and room.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::ServerCore;
use super::record::{Arrival, NO_CALL, Record, State, fingerprint};
use super::replies::Details;
use super::session::SessionKey;
use crate::contract::Entry;
use crate::error::{ProtocolError, Reason};
use crate::ids::{CallId, SEQ_END, Seq, Slot, Time};
use crate::wire::frame::Frame;
use crate::wire::message::Status;

/// A call that waits to run. It runs only if its record still says so.
#[derive(Clone, Debug)]
pub(super) struct QueueEntry {
    pub(super) session: SessionKey,
    pub(super) slot: Slot,
    pub(super) seq: Seq,
    bytes: usize,
    /// The filter is off and this is a copy: it runs beside its slot, without a record.
    pub(super) copy: Option<Box<Details>>,
}

#[cfg(feature = "sim")]
impl QueueEntry {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Names a call that was handed out to be run, until it is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallKey {
    pub(super) session: SessionKey,
    pub(super) slot: Slot,
    pub(super) seq: Seq,
    /// A copy that runs because the filter is off.
    pub(super) is_copy: bool,
}

/// A call to be run now.
#[derive(Debug)]
pub struct ReadyCall {
    /// What it is finished by.
    pub key: CallKey,
    /// Its name.
    pub call: CallId,
    /// Which method.
    pub entry: Entry,
    /// Its arguments.
    pub body: Bytes,
    /// Until when its caller waits.
    pub deadline: Time,
    /// Where its caller is.
    pub peer: Option<SocketAddr>,
    /// Set when its caller cancels; there only for methods that look.
    pub cancelled: Option<Arc<AtomicBool>>,
}

impl ServerCore {
    pub(super) fn handle_call(
        &mut self,
        key: SessionKey,
        frame: Frame,
        now: Time,
    ) -> Result<(), ProtocolError> {
        let (slot, seq) = (frame.header.slot, frame.header.seq);
        self.counters.calls += 1;
        let length = frame.skipped.unwrap_or(frame.body.len());
        let print = fingerprint(frame.header.method, length, frame.body_crc);
        match self.record_of(key, slot, seq)?.arrival(seq, print) {
            Arrival::Stale => self.counters.copies_stale += 1,
            Arrival::FalseRetry => return Err(ProtocolError::FalseRetry),
            Arrival::TooEarly => return Err(ProtocolError::SlotBusy),
            Arrival::Copy(state) => self.handle_copy(key, frame, state, now),
            Arrival::New => self.admit(key, frame, length, print, now),
        }
        Ok(())
    }

    /// A new call: recorded first, and then queued or refused for good.
    fn admit(&mut self, key: SessionKey, frame: Frame, length: usize, print: u64, now: Time) {
        let (slot, seq) = (frame.header.slot, frame.header.seq);
        let place = self.forget_answer(key, slot);
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.admitted = true;
        let Some(record) = session.record(slot) else { return };
        record.advance(seq, print);
        let deadline = now.plus(Duration::from_millis(u64::from(frame.header.millis)));
        let entry = self.config.directory.find(frame.header.method);
        let limit = self.config.limits.max_frame;
        let refusal = match entry {
            _ if frame.header.millis == 0 => Some((Reason::Deadline, String::new())),
            _ if frame.skipped.is_some() => {
                Some((Reason::TooLarge, format!("{length} bytes are over the server's limit of {limit}")))
            }
            _ if self.drain.is_some() => Some((Reason::Draining, String::new())),
            None => Some((Reason::NoSuchMethod, String::new())),
            _ if !self.queue_has_room(length) => Some((Reason::Busy, String::new())),
            Some(_) => None,
        };
        if let (None, Some(entry)) = (&refusal, entry) {
            let details = details_of(key, entry, frame, deadline);
            let place = self.replies.put(place, details);
            if let Some(session) = self.sessions.get_mut(key) {
                session.active += 1;
                if let Some(record) = session.record(slot) {
                    record.state = State::Queued;
                    record.call = place;
                }
            }
            self.enqueue(QueueEntry { session: key, slot, seq, bytes: length, copy: None });
            return;
        }
        self.replies.free(place);
        let (reason, text) = refusal.unwrap_or((Reason::NoSuchMethod, String::new()));
        if let Some(record) = self.sessions.get_mut(key).and_then(|session| session.record(slot)) {
            record.state = State::Queued; // for the length of one statement: refusing settles it
        }
        self.refuse(key, slot, reason, &text);
    }

    /// A copy of the slot's last call: it is answered, or will be, but it does not run.
    fn handle_copy(&mut self, key: SessionKey, frame: Frame, state: State, now: Time) {
        let (slot, seq) = (frame.header.slot, frame.header.seq);
        match state {
            State::Queued => {
                self.counters.copies_under_way += 1;
                let deadline = now.plus(Duration::from_millis(u64::from(frame.header.millis)));
                let place = self.find_record(key, slot).map_or(NO_CALL, |record| record.call);
                if let Some(details) = self.replies.get_mut(place) {
                    details.deadline = details.deadline.min(deadline); // forward, never back
                }
            }
            State::Running if self.config.at_most_once => self.counters.copies_under_way += 1,
            State::Refused | State::Empty => {
                self.counters.copies_refused += 1;
                self.answer_again(key, slot);
            }
            _ if !self.config.at_most_once && self.has_begun(key, slot) => {
                self.run_copy(key, frame, seq, now)
            }
            State::Running => {}
            State::Acknowledged => self.counters.copies_unanswered += 1,
            State::Kept => {
                let answered = self.answer_again(key, slot);
                let counter = &mut self.counters;
                *(if answered { &mut counter.copies_replayed } else { &mut counter.copies_unanswered }) += 1;
            }
            State::NotKept => {
                self.counters.copies_not_kept += 1;
                self.answer_again(key, slot);
            }
        }
    }

    /// Whether the slot's last call was not refused: an acknowledged refusal is still one (V7).
    fn has_begun(&mut self, key: SessionKey, slot: Slot) -> bool {
        let code = self.find_record(key, slot).map_or(0, |record| record.code);
        Status::from_code(code).is_ok_and(Status::ran)
    }

    /// The filter is off: what a server without one does with a copy.
    fn run_copy(&mut self, key: SessionKey, frame: Frame, seq: Seq, now: Time) {
        let Some(entry) = self.config.directory.find(frame.header.method) else { return };
        let bytes = frame.body.len();
        if frame.skipped.is_some() || !self.queue_has_room(bytes) {
            return;
        }
        self.counters.copies_executed += 1;
        let deadline = now.plus(Duration::from_millis(u64::from(frame.header.millis)));
        let slot = frame.header.slot;
        let copy = Some(Box::new(details_of(key, entry, frame, deadline)));
        self.enqueue(QueueEntry { session: key, slot, seq, bytes, copy });
    }

    pub(super) fn handle_cancel(
        &mut self,
        key: SessionKey,
        slot: Slot,
        seq: Seq,
    ) -> Result<(), ProtocolError> {
        self.counters.cancels += 1;
        let record = *self.record_of(key, slot, seq)?;
        if seq < record.last {
            self.counters.cancels_stale += 1;
            return Ok(());
        }
        if seq > record.last {
            if !record.state.is_final() {
                return Err(ProtocolError::SlotBusy);
            }
            self.counters.cancels_first += 1;
            let place = self.forget_answer(key, slot);
            self.replies.free(place);
            if let Some(session) = self.sessions.get_mut(key) {
                session.admitted = true;
                if let Some(record) = session.record(slot) {
                    record.advance(seq, 0); // nothing to compare: any call of this number is its copy
                    record.state = State::Queued;
                }
            }
            self.refuse(key, slot, Reason::Cancelled, "");
            return Ok(());
        }
        match record.state {
            State::Queued => {
                self.counters.cancels_queued += 1;
                if let Some(session) = self.sessions.get_mut(key) {
                    session.active -= 1;
                }
                self.refuse(key, slot, Reason::Cancelled, "");
            }
            State::Running => {
                self.counters.cancels_running += 1;
                self.tell_cancelled(record.call);
            }
            State::Acknowledged | State::Empty => {}
            State::Kept | State::NotKept | State::Refused => {
                self.counters.cancels_final += 1;
                self.answer_again(key, slot);
            }
        }
        Ok(())
    }

    pub(super) fn handle_ack(&mut self, key: SessionKey, slot: Slot, seq: Seq) -> Result<(), ProtocolError> {
        let record = *self.record_of(key, slot, seq)?;
        if seq != record.last || record.state == State::Empty {
            self.counters.acks_unused += 1;
            return Ok(());
        }
        if !record.state.is_final() {
            return Err(ProtocolError::EarlyAck);
        }
        self.counters.acks += 1;
        let place = self.forget_answer(key, slot);
        self.replies.free(place);
        if let Some(record) = self.find_record(key, slot) {
            record.state = State::Acknowledged;
        }
        Ok(())
    }

    /// The next call to run. Its record says `Running` from here on; whoever runs it must finish it.
    pub fn poll_call(&mut self, now: Time) -> Option<ReadyCall> {
        while let Some(next) = self.queue.pop_front() {
            self.queue_bytes -= next.bytes;
            let ready = match next.copy {
                Some(details) => Some((*details, true)),
                None => self.begin(next.session, next.slot, next.seq, now).map(|details| (details, false)),
            };
            let Some((details, is_copy)) = ready else { continue };
            let Some(session) = self.sessions.get(next.session) else { continue };
            self.running += 1;
            self.counters.executions += 1;
            return Some(ReadyCall {
                key: CallKey { session: next.session, slot: next.slot, seq: next.seq, is_copy },
                call: CallId { session: session.id, slot: next.slot, seq: next.seq },
                entry: details.entry,
                body: details.body,
                deadline: details.deadline,
                peer: session.attached.and_then(|conn| self.connections.get(conn)).and_then(|c| c.peer),
                cancelled: details.cancelled,
            });
        }
        None
    }

    /// Whether a call waits to run (or an entry of one that was refused meanwhile).
    pub fn has_calls(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Moves a queued call to running, unless it was refused meanwhile, or its caller waits no longer.
    fn begin(&mut self, key: SessionKey, slot: Slot, seq: Seq, now: Time) -> Option<Details> {
        let session = self.sessions.get_mut(key)?;
        let record = session.record(slot)?;
        if record.last != seq || record.state != State::Queued {
            return None;
        }
        let details = self.replies.get_mut(record.call)?;
        if details.deadline <= now {
            session.active -= 1;
            self.refuse(key, slot, Reason::Deadline, "");
            return None;
        }
        record.state = State::Running; // V1: left for good, since nothing sets Queued but a higher number
        Some(Details {
            body: std::mem::take(&mut details.body),
            cancelled: details.cancelled.clone(),
            reply: Vec::new(),
            ..*details
        })
    }

    pub(super) fn tell_cancelled(&self, place: u32) {
        if let Some(flag) = self.replies.get(place).and_then(|details| details.cancelled.as_ref()) {
            flag.store(true, Ordering::Relaxed);
        }
    }

    /// The record of a slot of an attached session, after the tests that every frame about a call must pass.
    fn record_of(&mut self, key: SessionKey, slot: Slot, seq: Seq) -> Result<&mut Record, ProtocolError> {
        if seq == 0 || seq >= SEQ_END {
            return Err(ProtocolError::SeqRange(seq));
        }
        self.find_record(key, slot).ok_or(ProtocolError::SlotRange(slot))
    }

    pub(super) fn find_record(&mut self, key: SessionKey, slot: Slot) -> Option<&mut Record> {
        self.sessions.get_mut(key)?.record(slot)
    }

    /// Takes the kept reply out of the counts before its slot moves on; the place may be used again.
    fn forget_answer(&mut self, key: SessionKey, slot: Slot) -> u32 {
        let Some(session) = self.sessions.get_mut(key) else { return NO_CALL };
        let place =
            session.record(slot).map_or(NO_CALL, |record| std::mem::replace(&mut record.call, NO_CALL));
        session.kept -= self.replies.get(place).map_or(0, |details| details.reply.len());
        place
    }

    fn queue_has_room(&self, bytes: usize) -> bool {
        let limits = &self.config.limits;
        self.queue.len() < limits.queue && self.queue_bytes + bytes <= limits.queue_bytes
    }

    fn enqueue(&mut self, entry: QueueEntry) {
        self.queue_bytes += entry.bytes;
        self.queue.push_back(entry);
    }

    /// Refuses every queued call that has a record; used when a drain runs out of patience.
    pub(super) fn refuse_queue(&mut self, reason: Reason) {
        while let Some(next) = self.queue.pop_front() {
            self.queue_bytes -= next.bytes;
            let Some(session) = self.sessions.get_mut(next.session) else { continue };
            let Some(record) = session.record(next.slot) else { continue };
            if next.copy.is_none() && record.last == next.seq && record.state == State::Queued {
                session.active -= 1;
                self.refuse(next.session, next.slot, reason, "");
            }
        }
    }
}

/// What a new call stores until it has run.
fn details_of(session: SessionKey, entry: Entry, frame: Frame, deadline: Time) -> Details {
    Details {
        session,
        slot: frame.header.slot,
        seq: frame.header.seq,
        entry,
        body: frame.body,
        deadline,
        cancelled: entry.method.context.then(Arc::default),
        reply: Vec::new(),
        kept_at: Time::default(),
    }
}

/// The status of a refusal, as a code.
pub(super) fn refused(reason: Reason) -> u8 {
    Status::Refused(reason).code()
}
