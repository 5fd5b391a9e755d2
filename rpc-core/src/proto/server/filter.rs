//! Layer 2: the duplicate filter: CALL, CANCEL, ACK and results against the record of their slot.
//!
//! The table of `docs/at_most_once.md`, row by row. The slot, the sums of its session and its connection are found once
//! for a frame; every rule is then a method of [`Filter`]. The order of the tests: is the session attached, does the
//! slot exist, the number against `last`, is it a duplicate, and only then lateness and room.
//!
//! ```text
//! CALL --arrival--> stale          dropped
//!                   false retry    the connection is rejected, and nothing runs
//!                   too early      the same
//!                   duplicate      the reply again, or nothing: never a second run
//!                   new            recorded, then queued or refused for good
//! ```
//! Sources: A. D. Birrell and B. J. Nelson, *Implementing Remote Procedure Calls* (TOCS 1984), for one record for each activity;
//! C. Lee et al., *Implementing Linearizability at Large Scale and Low Latency* (RIFL, SOSP 2015), for records that are made
//! before the reply is sent and released by acknowledgement; RFC 8881, 2.10.6 (NFSv4.1 sessions), for slots.

use std::sync::Arc;

use super::ServerConfig;
use super::call_table::{CallData, CallTable};
use super::connection::Writer;
use super::counters::ServerCounters;
use super::held_calls::HeldCalls;
use super::keys::{CallKey, SessionKey};
use super::record::{Arrival, CallState, NO_CALL, Record, fingerprint};
use super::run_queue::{Lane, Place, ReadyCall, RunQueue};
use super::session::Sums;
use super::strikes;
use crate::contract::Entry;
use crate::error::{ProtocolError, Reason};
use crate::ids::{Seq, SessionId, Slot, Time};
use crate::limits::MAX_DETAIL;
use crate::wire::frame::Frame;
use crate::wire::message::{Status, cut};
use crate::wire::metadata::HAS_METADATA;

/// The result of a frame. After an error its connection is closed; the session lives.
pub(super) type Handled = Result<(), ProtocolError>;

/// One slot of a session, with everything that a frame for it may change.
pub(super) struct Filter<'a> {
    /// The session.
    pub(super) session: SessionKey,
    /// Its name on the wire.
    pub(super) id: SessionId,
    /// The slot.
    pub(super) slot: Slot,
    /// The record of the slot's last call.
    pub(super) record: &'a mut Record,
    /// The sums over the session's slots.
    pub(super) sums: &'a mut Sums,
    /// The calls of the session that wait to run.
    pub(super) lane: &'a mut Lane,
    /// The connection that carries the session now. No other one ever gets a reply (V8).
    pub(super) attached: Option<Writer<'a>>,
    /// The data of all calls.
    pub(super) calls: &'a mut CallTable,
    /// The sessions with calls that wait.
    pub(super) queue: &'a mut RunQueue,
    /// The calls of methods that reply later.
    pub(super) held: &'a mut HeldCalls,
    /// The counters of the server.
    pub(super) counters: &'a mut ServerCounters,
    /// The bounds and the services of the server.
    pub(super) config: &'a ServerConfig,
}

impl Filter<'_> {
    /// Handles a CALL.
    pub(super) fn call(&mut self, frame: Frame, draining: bool, now: Time) -> Handled {
        self.counters.calls += 1;
        let length = frame.skipped.unwrap_or(frame.body.len());
        // Of an oversize body only the length is known. It was skipped, so its duplicates are skipped too, and compare equal.
        let fingerprint = fingerprint(frame.header.method, length, frame.body_crc);
        match self.record.arrival(frame.header.seq, fingerprint) {
            Arrival::Stale => {
                self.counters.duplicates_stale += 1;
                self.strike(1, now)?;
            }
            Arrival::FalseRetry => return Err(ProtocolError::FalseRetry),
            Arrival::TooEarly => return Err(ProtocolError::SlotBusy),
            Arrival::Duplicate(state) => {
                self.strike(1, now)?;
                self.duplicate(frame, state, now);
            }
            Arrival::New => self.admit(frame, length, fingerprint, draining, now)?,
        }
        Ok(())
    }

    /// Counts a frame that is of no use. The slot's connection is the one that it arrived on (V8).
    fn strike(&mut self, cost: u32, now: Time) -> Handled {
        self.attached.as_mut().map_or(Ok(()), |writer| writer.connection.strikes.add(cost, now))
    }

    /// Handles a new call: it is recorded first, and then queued or refused for good.
    fn admit(&mut self, frame: Frame, length: usize, fingerprint: u64, draining: bool, now: Time) -> Handled {
        // Before any reason to refuse is looked at: a refusal that left no record could be followed by a late duplicate that
        // runs, after the caller was told 'not executed' (V7).
        let room = self.advance(frame.header.seq, fingerprint);
        let entry = self.config.directory.find(frame.header.method);
        let limit = self.config.limits.max_frame;
        // The order is part of the protocol: docs/decisions/0009-order-of-refusals.md.
        let (reason, text) = match entry {
            _ if frame.header.millis == 0 => (Reason::Deadline, String::new()),
            _ if frame.skipped.is_some() && length > limit => (
                Reason::TooLarge,
                format!(
                    "{length} bytes are over the server's limit of {limit}, its setting `ServerLimits::max_frame`"
                ),
            ),
            _ if draining => (Reason::Draining, String::new()),
            None => (Reason::NoSuchMethod, String::new()),
            // Its session holds so many arguments that it was not taken.
            _ if frame.skipped.is_some() => (Reason::Busy, String::new()),
            _ if !self.queue.has_room(self.lane, length, &self.config.limits) => {
                (Reason::Busy, String::new())
            }
            Some(entry) => {
                // The vector of the slot's last reply is used again.
                self.record.call = self.calls.put(self.data(entry, frame, room, now));
                if self.is_to_copy() {
                    self.copy_arguments();
                }
                let is_listed = std::mem::replace(&mut self.record.in_lane, true);
                let place = (!is_listed).then_some(Place { slot: self.slot, duplicate: None });
                self.enqueue(place, length);
                return Ok(());
            }
        };
        // A refusal needs no data: its status is in the record, and its text is sent once.
        self.refuse(reason, &text);
        // After it, since a record must be settled. A busy server is no fault of its client, which has a budget of retries.
        match reason {
            Reason::Busy => Ok(()),
            _ => self.strike(strikes::cost(frame.skipped.unwrap_or(0)), now),
        }
    }

    /// Handles a duplicate of the slot's last call: it gets the reply, now or once there is one, but it does not run.
    fn duplicate(&mut self, frame: Frame, state: CallState, now: Time) {
        match state {
            CallState::Queued => {
                self.counters.duplicates_under_way += 1;
                let deadline = now.plus_millis(frame.header.millis);
                if let Some(data) = self.calls.of_mut(self.record) {
                    data.deadline = data.deadline.min(deadline); // a duplicate may bring it forward, never back
                }
            }
            // The reply goes to the connection that is attached when the call ends: nothing is to be noted for it now.
            CallState::Running if self.config.at_most_once => self.counters.duplicates_under_way += 1,
            CallState::Refused | CallState::Empty => {
                self.counters.duplicates_refused += 1;
                self.reply_again();
            }
            _ if !self.config.at_most_once && self.has_begun() => self.run_duplicate(frame, now),
            CallState::Running => {}
            CallState::Acknowledged => self.counters.duplicates_without_reply += 1,
            // A reply that is still unsent on this connection is not doubled: the first one is on its way.
            CallState::Kept if self.reply_again() => self.counters.duplicates_replayed += 1,
            CallState::Kept => self.counters.duplicates_without_reply += 1,
            CallState::NotKept => {
                self.counters.duplicates_not_kept += 1;
                self.reply_again();
            }
        }
    }

    /// Handles a CANCEL.
    pub(super) fn cancel(&mut self, seq: Seq, now: Time) -> Handled {
        self.counters.cancels += 1;
        // Each of them: a call that is cancelled before it begins has cost the server as much as one that was never sent.
        self.strike(1, now)?;
        match self.record.relation(seq) {
            Arrival::Stale => self.counters.cancels_stale += 1,
            Arrival::TooEarly => return Err(ProtocolError::SlotBusy),
            Arrival::New => {
                // The CALL was lost, or is behind. The record makes the promise that it will not run.
                self.counters.cancels_first += 1;
                self.advance(seq, 0); // nothing to compare: any call of this number is its duplicate
                self.refuse(Reason::Cancelled, "");
            }
            Arrival::Duplicate(CallState::Queued) => {
                self.counters.cancels_queued += 1;
                self.refuse(Reason::Cancelled, "");
            }
            Arrival::Duplicate(CallState::Running) => {
                self.counters.cancels_running += 1;
                // A handler cannot be stopped. It may look at its context, and its reply is the reply to the CANCEL as well.
                self.calls.tell_cancelled(self.record.call);
            }
            Arrival::Duplicate(CallState::Kept | CallState::NotKept | CallState::Refused) => {
                self.counters.cancels_final += 1;
                self.reply_again();
            }
            // `relation` compares numbers only, so it never says 'false retry'. Number 0 does not get here.
            Arrival::Duplicate(CallState::Acknowledged | CallState::Empty) | Arrival::FalseRetry => {}
        }
        Ok(())
    }

    /// Handles an ACK.
    pub(super) fn acknowledge(&mut self, seq: Seq, now: Time) -> Handled {
        match self.record.relation(seq) {
            Arrival::Duplicate(CallState::Queued | CallState::Running) => {
                return Err(ProtocolError::EarlyAck);
            }
            Arrival::Duplicate(state) if state != CallState::Empty => {
                self.counters.acks += 1;
                if state == CallState::Acknowledged {
                    self.strike(1, now)?; // the same ACK again
                }
                self.take_reply();
                // The status stays in the record, so that a refusal is still known as one when the filter is off.
                self.record.state = CallState::Acknowledged;
            }
            _ => {
                self.counters.acks_unused += 1;
                self.strike(1, now)?;
            }
        }
        Ok(())
    }

    /// Begins a queued call, unless it was refused meanwhile or its caller has stopped waiting.
    #[inline] // once for each call
    pub(super) fn begin(&mut self, place: Place, now: Time) -> Option<ReadyCall> {
        if let Some(mut data) = place.duplicate {
            self.note_begin(data.body.len());
            return Some(data.take_for_run(self.id, self.record.fingerprint, self.peer(), true));
        }
        // Refused by CANCEL while it had its place: the record decides.
        if self.record.state != CallState::Queued {
            return None;
        }
        let data = self.calls.of(self.record)?;
        let (arguments, deadline) = (data.body.len(), data.deadline);
        // It must have a place before it begins: once it runs, it cannot be refused.
        let needs_place = data.entry.method.later && data.deadline > now;
        if needs_place && !self.held.has_room(self.sums, &self.config.limits) {
            self.refuse(Reason::Busy, "");
            return None;
        }
        // Late, but not begun: 'not executed' is still true, and the handler's time is spared.
        if data.deadline <= now {
            self.refuse(Reason::Deadline, "");
            return None;
        }
        // V1: from here on nothing but the end of the run changes the record.
        self.record.begin();
        self.sums.has_run = true;
        self.sums.running += arguments;
        self.note_begin(arguments);
        if needs_place {
            self.held.begin(self.sums, deadline, self.record.call);
        }
        let (id, fingerprint, peer) = (self.id, self.record.fingerprint, self.peer());
        Some(self.calls.of_mut(self.record)?.take_for_run(id, fingerprint, peer, false))
    }

    /// Counts a call with `bytes` of arguments that begins.
    #[inline(always)] // once for each call
    fn note_begin(&mut self, bytes: usize) {
        self.leave_queue(bytes);
        self.counters.executions += 1;
        if let Some(writer) = &mut self.attached {
            writer.connection.strikes.forgive();
        }
    }

    /// Appends a call to the session's lane. `place` is `None` if its slot has a place there. A connection whose calls bring
    /// many arguments is not read until some of them have begun.
    #[inline(always)] // once for each call
    pub(super) fn enqueue(&mut self, place: Option<Place>, bytes: usize) {
        self.queue.push(self.session, self.lane, place, bytes);
        self.hold();
    }

    /// Notes that a call with `bytes` of arguments waits no longer.
    #[inline(always)] // once for each call
    fn leave_queue(&mut self, bytes: usize) {
        self.queue.leave(self.lane, 1, bytes);
        self.hold();
    }

    /// Ends a call that was handed out: it ran, or its stub refused it before the user's function was entered.
    pub(super) fn finish(&mut self, key: CallKey, status: Status, body: &[u8], now: Time) {
        if key.is_duplicate {
            return self.finish_duplicate(key, status, body);
        }
        let runs = self.record.last == key.seq && self.record.state == CallState::Running;
        assert!(runs, "V12: a call ends once");
        let mut method = None;
        if let Some(data) = self.calls.of_mut(self.record) {
            method = Some(data.entry.method);
            let arguments = std::mem::take(&mut data.running);
            debug_assert!(arguments <= self.sums.running, "V10: the sum covers each call that runs");
            self.sums.running -= arguments;
            if data.entry.method.later {
                self.held.end(self.sums, data.deadline, self.record.call);
            }
            self.make_room(arguments);
        }
        // The stub could not read the arguments: the user's function was not entered.
        if let Status::Refused(reason) = status {
            return self.refuse(reason, &String::from_utf8_lossy(body));
        }
        // Settled before it is sent: a reply that is on the wire without a record could be followed by a second run.
        if method.is_some_and(|method| self.may_keep(method, body.len()))
            && self.calls.has_room(self.sums, body.len())
        {
            self.record.call = self.calls.keep(self.record.call, body, self.sums, now);
            self.settle(CallState::Kept, status.code());
        } else {
            self.drop_call();
            self.settle(CallState::NotKept, status.code());
            if !self.has_room_to_send(body.len()) {
                self.counters.replies_dropped += 1;
                self.reply_again(); // that it ran, in place of what it returned
                return;
            }
        }
        self.reply(status.code(), 0, body);
    }

    /// Refuses a call that still waits to run: the grace time of a drain is over.
    pub(super) fn refuse_place(&mut self, place: Place) {
        match place.duplicate {
            Some(data) => self.leave_queue(data.body.len()),
            None if self.record.state == CallState::Queued => self.refuse(Reason::Draining, ""),
            None => {}
        }
    }

    /// Settles a call that never ran, and says so.
    fn refuse(&mut self, reason: Reason, text: &str) {
        self.counters.refused += 1;
        let waits = self.record.state == CallState::Queued;
        if let Some(bytes) = self.calls.of(self.record).filter(|_| waits).map(|data| data.body.len()) {
            self.leave_queue(bytes);
        }
        self.drop_call();
        self.settle(CallState::Refused, Status::Refused(reason).code());
        self.reply(self.record.code, self.retry_millis(), cut(text, MAX_DETAIL).as_bytes());
    }

    /// Begins a new record over a final one. Returns the empty vector of the last reply, to be used again.
    #[inline(always)] // once for each call
    fn advance(&mut self, seq: Seq, fingerprint: u64) -> Vec<u8> {
        // A higher number acknowledges what was before it: kept bytes leave the session's sum here.
        let room = self.take_reply();
        self.record.advance(seq, fingerprint);
        self.sums.active += 1;
        room
    }

    /// Settles the call under way.
    fn settle(&mut self, state: CallState, code: u8) {
        self.record.settle(state, code);
        debug_assert!(self.sums.active > 0, "V12: a call that is settled was counted");
        self.sums.active -= 1;
    }

    /// Removes the kept reply of a final record, if there is one, and its bytes from the session's sum. Returns its empty vector. The
    /// caller gives the record another state.
    #[inline]
    pub(super) fn take_reply(&mut self) -> Vec<u8> {
        debug_assert!(self.record.state.is_final(), "a call under way has no kept reply");
        if self.record.state != CallState::Kept {
            return Vec::new();
        }
        self.calls.release(std::mem::replace(&mut self.record.call, NO_CALL), self.sums)
    }

    /// Removes the data of the call under way: it is settled next, and keeps no reply.
    #[inline]
    fn drop_call(&mut self) {
        debug_assert!(!self.record.state.is_final(), "a final record has no call");
        self.calls.free(std::mem::replace(&mut self.record.call, NO_CALL));
    }

    /// Returns the data of a new call, with `room` for its reply.
    #[inline(always)] // once for each call, and so that it is made where it stays
    pub(super) fn data(&self, entry: Entry, frame: Frame, room: Vec<u8>, now: Time) -> CallData {
        CallData {
            session: self.session,
            slot: self.slot,
            seq: frame.header.seq,
            entry,
            deadline: now.plus_millis(frame.header.millis),
            body: frame.body,
            has_metadata: frame.header.code & HAS_METADATA != 0,
            running: 0,
            is_held: false,
            cancelled: entry.method.context.then(Arc::default),
            room,
        }
    }
}
