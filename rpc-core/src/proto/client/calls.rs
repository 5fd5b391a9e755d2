//! Layer 2: the life of calls on the client: started, waiting for a slot, in flight, given up, ended. The connection and the
//! session decide what may become of a call, but are not changed here: see [`Conditions`].
//!
//! ```text
//!             .------------------- pause over ------------------ delayed
//!             v                                                     ^
//! start --> queued --slot free--> in flight --busy, lost, budget left
//!             |    <--unsent------  | | |
//!             |   (GOAWAY, lost)    | | '--deadline, abandon--> orphaned --reply--> slot free
//!             | deadline            | '--reply--------> verdict, slot free
//!             v                     '--session lost---> verdict 'unknown', no slots
//!           verdict
//! ```
//! Each started call gets one [`Event::Finished`], unless it is abandoned (V11). `Event::Resolved` follows only one with
//! an unknown outcome that may be resolved.

use std::collections::VecDeque;
use std::time::Duration;

use super::Tag;
use super::call::{Call, weaker};
use super::conditions::Conditions;
use super::config::{ClientConfig, ClientCounters, Event};
use super::outgoing::{Outgoing, OutgoingFrame, Source, append_control};
use super::replies::Reply;
use super::retry::RetryBudget;
use super::slot::{Due, Use};
use super::slots::Slots;
use super::waiting::Waiting;
use crate::error::{ProtocolError, Reason};
use crate::ids::{Seq, Slot, Time};
use crate::limits::LONGEST_PAUSE_ASKED;
use crate::proto::{Outcome, UnknownCause};

/// The calls of a client that have not ended, and the frames about them.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    /// The calls in flight and the orphaned ones.
    pub(super) slots: Slots,
    /// The calls without a slot.
    pub(super) waiting: Waiting,
    /// The budget for further attempts.
    pub(super) retry: RetryBudget,
    /// The frames to be sent.
    pub(super) outgoing: Outgoing,
    /// The news about calls.
    pub(super) events: VecDeque<Event>,
    /// The time at which the timers must be looked at next.
    pub(super) next_timer: Time,
    /// The source of random pauses.
    pub(super) random: fastrand::Rng,
    /// The counters of the client.
    pub(super) counters: ClientCounters,
}

impl Calls {
    /// No calls.
    pub(super) fn new(config: &ClientConfig) -> Self {
        Calls {
            slots: Slots::default(),
            waiting: Waiting::default(),
            retry: RetryBudget::new(config.limits.retry_budget),
            outgoing: Outgoing::default(),
            events: VecDeque::new(),
            next_timer: Time::default(),
            random: fastrand::Rng::with_seed(config.seed),
            counters: ClientCounters::default(),
        }
    }

    /// Asks for a look at the timers at this time.
    pub(super) fn wake_by(&mut self, at: Time) {
        self.next_timer = self.next_timer.min(at);
    }

    /// Sends a frame, and looks at the timers at this time.
    pub(super) fn send_and_wake(&mut self, frame: OutgoingFrame, at: Time) {
        self.outgoing.push(frame);
        self.wake_by(at);
    }

    /// Starts a call, in a slot if one is free and no other call waits for it.
    ///
    /// # Errors
    /// The verdict, if too many calls wait.
    pub(super) fn start(&mut self, call: Call, at: Conditions<'_>) -> Result<(), Outcome> {
        self.counters.calls += 1;
        self.wake_by(call.deadline);
        // Not past calls that wait: first come, first served, even if a slot has just become free.
        let may_begin = at.may_send() && !self.waiting.has_queued();
        let Err(call) = (if may_begin { self.assign_slot(call, at) } else { Err(call) }) else {
            return Ok(());
        };
        // The bound covers calls that pause too. A caller that is refused here knows at once, and has cost no memory.
        if self.waiting.len() >= at.config.limits.waiting {
            let text = format!("{} calls of this client wait for one already", self.waiting.len());
            return Err(Outcome::NotExecuted(Reason::NoFreeSlot, text));
        }
        self.waiting.push(call);
        Ok(())
    }

    /// Gives a call up: its caller no longer waits for the reply.
    pub(super) fn abandon(&mut self, tag: Tag, at: Conditions<'_>) {
        if self.waiting.remove(tag) {
            return;
        }
        // In a slot there are three cases: unsent, sent, and already an orphan in whose reply a caller was still interested.
        let Some(slot) = self.slots.find(tag) else { return };
        if self.slots.take_back(slot).is_some() {
            self.fill_slots(at); // the number of the unsent call is skipped, so it never runs
        } else if self.orphan(slot, None, at).is_none() {
            self.slots.forget(tag);
        }
    }

    fn assign_slot(&mut self, call: Call, at: Conditions<'_>) -> Result<(), Call> {
        let deadline = call.deadline;
        let (slot, seq) = self.slots.take(call, at.config.limits.resend_first)?;
        self.wake_by(deadline); // the timers that are being handled may have looked at this slot already
        self.outgoing.push_call(slot, seq, &self.slots);
        Ok(())
    }

    /// Puts waiting calls into free slots, first come, first served. They are checked, since they may be older than the session.
    pub(super) fn fill_slots(&mut self, at: Conditions<'_>) {
        while self.waiting.has_queued() && at.may_send() && self.slots.has_free() {
            // Each turn takes one call and one slot, or ends one call: the loop ends.
            let Some(call) = self.waiting.pop() else { return };
            if let Err(outcome) = at.check(call.method, call.body.len()) {
                self.end(call, outcome);
            } else if let Err(call) = self.assign_slot(call, at) {
                // Cannot happen while `has_free` is right; the call keeps its turn rather than being dropped.
                return self.waiting.push_first(call);
            }
        }
    }

    /// Takes a sent call out of its slot, and sends CANCEL until its reply arrives.
    pub(super) fn orphan(&mut self, slot: Slot, tag: Option<Tag>, at: Conditions<'_>) -> Option<Call> {
        let first = at.config.limits.resend_first;
        // The slot stays taken: its number may not be used for another call before the server has settled this one (V3).
        let (call, seq) = self.slots.orphan(slot, tag, first, at.now)?;
        // Without a connection the resume sends it.
        if at.connection.is_attached() {
            self.outgoing.push(OutgoingFrame::Cancel(slot, seq));
        }
        self.wake_by(at.now.plus(first));
        Some(call)
    }

    /// Empties every slot. Sent calls end in `cause`, or are repeated. Unsent ones are returned.
    pub(super) fn empty_slots(&mut self, cause: UnknownCause, at: Conditions<'_>) -> Vec<Call> {
        let mut unsent = Vec::new();
        for slot in self.slots.numbers() {
            match self.slots.release(slot) {
                Use::Free => {}
                // It may have run, and the session that could tell is gone.
                Use::InFlight(in_flight) if in_flight.sent => {
                    self.end_or_repeat(in_flight.call, Outcome::Unknown(cause), Duration::ZERO, at);
                }
                // It never left, so its number means nothing to a server, and another session gives it a new one (V7 holds).
                Use::InFlight(in_flight) => unsent.push(in_flight.call),
                Use::Orphaned(orphan) => {
                    // Its caller has 'unknown by deadline' already. It learns now that this stays so.
                    let resolved = |tag| Event::Resolved(tag, Outcome::Unknown(cause));
                    self.events.extend(orphan.tag.map(resolved));
                }
            }
        }
        unsent
    }

    /// Ends a call with the weakest verdict of all its attempts.
    pub(super) fn end(&mut self, call: Call, outcome: Outcome) {
        self.events.push_back(call.end(outcome));
    }

    /// Ends a call, or repeats it later as a new one: a call of an idempotent method whose reply is lost, or of which it is
    /// unknown if it ran. Each repeat costs budget, and waits twice as long as the one before, or for as long as the server
    /// asks (V17).
    fn end_or_repeat(&mut self, mut call: Call, outcome: Outcome, after: Duration, at: Conditions<'_>) {
        let limits = &at.config.limits;
        // `min(16)`: the shift stays inside 32 bits; the cap is reached long before.
        let pause = limits.backoff_first.saturating_mul(1 << call.repeats.min(16)).min(limits.backoff_cap);
        let pause = pause.max(after.min(LONGEST_PAUSE_ASKED));
        let due = call.repeat.then(|| self.take_attempt(call.deadline, pause, at)).flatten();
        let Some(due) = due else { return self.end(call, outcome) };
        self.counters.repeated += 1;
        call.repeats += 1;
        // Kept, since the next attempt may fail with a stronger verdict than is true of them all.
        call.note_attempt(outcome);
        self.waiting.delay(call, due);
    }

    /// Ends a refused call, or tries it again later as a new one.
    fn end_or_retry(&mut self, call: Call, outcome: Outcome, after: Duration, at: Conditions<'_>) {
        let after = after.min(LONGEST_PAUSE_ASKED);
        let due = call.retry.then(|| self.take_attempt(call.deadline, after, at)).flatten();
        let Some(due) = due else { return self.end(call, outcome) };
        self.counters.busy_retries += 1;
        self.waiting.delay(call, due);
    }

    fn take_attempt(&mut self, deadline: Time, pause: Duration, at: Conditions<'_>) -> Option<Time> {
        // The bound holds for repeats as well: a server that always says 'busy' must not fill the client's memory.
        if at.connection.is_closed() || self.waiting.len() >= at.config.limits.waiting {
            return None;
        }
        self.retry.take(deadline, pause, &mut self.random, at.now).inspect(|due| self.wake_by(*due))
    }

    /// Appends the bytes of the next frame to `out`, and returns the frame.
    pub(super) fn transmit(&mut self, out: &mut Vec<u8>, at: Conditions<'_>) -> Option<OutgoingFrame> {
        let frame = self.outgoing.pop()?;
        let Conditions { config, session, nonce, .. } = at;
        let source = Source { config, session, nonce, slots: &mut self.slots };
        match frame {
            // Its bytes are made now, so that the time left is right, and a call that has ended meanwhile is not sent.
            OutgoingFrame::Call(slot, seq) => {
                let again = self.outgoing.append_call(slot, seq, source, out, at.now);
                self.next_timer = self.next_timer.min(again);
            }
            // WELCOME arrived while it waited: sent now, it would be a second HELLO (V14).
            OutgoingFrame::Hello if at.connection.is_attached() => {}
            _ => append_control(frame, source, out),
        }
        Some(frame)
    }

    /// Notes that the bytes of all calls have left the buffer, or were lost with it: the pauses until retransmissions begin.
    pub(super) fn note_flushed(&mut self, now: Time) {
        let mut earliest = Time::NEVER;
        for (slot, seq) in self.outgoing.take_buffered() {
            // A call that has ended since then, or whose slot carries another one, has no next retransmission.
            let Some(in_flight) = self.slots.in_flight(slot, seq) else { continue };
            in_flight.buffered = false;
            in_flight.again.note_sent(now);
            earliest = earliest.min(in_flight.again.due());
        }
        self.wake_by(earliest);
    }

    /// Sends again after a resume: every call without a reply under its slot and number, CANCEL for every orphaned call, and
    /// ACK for every reply that has arrived.
    pub(super) fn send_everything_again(&mut self, at: Conditions<'_>) {
        let first = at.config.limits.resend_first;
        for slot in self.slots.numbers() {
            // Every slot, also one whose frame was surely received: the records of the server tell duplicates apart, and
            // nothing is known here of what the old connection still carried.
            let Some((frame, is_resent)) = self.slots.resume(slot, first, at.now) else { continue };
            self.counters.resent += u64::from(is_resent);
            self.outgoing.push(frame);
        }
        self.wake_by(at.now.plus(first));
    }

    /// Handles a reply. The first final one to a slot's call counts, whatever its status. Returns false for a stray one.
    ///
    /// # Errors
    /// The server has replied to a call that was never sent.
    pub(super) fn handle_reply(
        &mut self,
        (slot, seq): (Slot, Seq),
        size: usize,
        after: Duration,
        reply: Reply,
        at: Conditions<'_>,
    ) -> Result<bool, ProtocolError> {
        if !self.slots.accept_reply(slot, seq)? {
            self.counters.stray_replies += 1;
            return Ok(false);
        }
        // Before the slot is freed: a call that takes it in `fill_slots` withdraws the offer again, for it is an ACK itself.
        self.offer_ack(slot, seq, size, at);
        match self.slots.release(slot) {
            Use::InFlight(it) if reply.is_late(&it.call, at.now) => self.events.extend(reply.late(it.call)),
            Use::InFlight(in_flight) => self.conclude(in_flight.call, reply, after, at),
            Use::Orphaned(orphan) => {
                // The reply is reported before the slot is used again.
                let resolved = |tag| Event::Resolved(tag, weaker(reply.outcome, orphan.earlier));
                self.events.extend(orphan.tag.map(resolved));
            }
            Use::Free => {}
        }
        self.fill_slots(at);
        Ok(true)
    }

    fn conclude(&mut self, mut call: Call, reply: Reply, after: Duration, at: Conditions<'_>) {
        let is_busy = reply.is_busy();
        match reply.outcome {
            // It ran. An idempotent method may run again for its value; any other has its verdict.
            Outcome::ReplyLost(text) => {
                let outcome = call.note_lost_reply(text);
                match reply.may_arrive_again {
                    true => self.end_or_repeat(call, outcome, after, at),
                    false => self.end(call, outcome),
                }
            }
            outcome if is_busy => self.end_or_retry(call, outcome, after, at),
            // The server knows the number of the method only. The difference of the contracts, if known, says more.
            Outcome::NotExecuted(Reason::NoSuchMethod, text) => {
                let known = at.session.and_then(|session| session.disagreement(call.method));
                let outcome = match known {
                    Some(text) => Outcome::NotExecuted(Reason::Contract, text),
                    None => Outcome::NotExecuted(Reason::NoSuchMethod, text),
                };
                self.end(call, outcome);
            }
            outcome => self.end(call, outcome),
        }
    }

    /// Offers an ACK for a reply that has arrived: at once if the server keeps many bytes for it, else after a while.
    fn offer_ack(&mut self, slot: Slot, seq: Seq, size: usize, at: Conditions<'_>) {
        // A short reply costs the server little, and the slot's next call acknowledges it for nothing.
        if size >= at.config.limits.ack_at_once {
            self.slots.acknowledge_at(slot, None);
            self.outgoing.push(OutgoingFrame::Ack(slot, seq));
        } else {
            let due = at.now.plus(at.config.limits.ack_delay);
            self.slots.acknowledge_at(slot, Some(due));
            self.wake_by(due);
        }
    }

    /// Takes the unsent calls back, and acknowledges every reply: the server is shutting down.
    pub(super) fn take_back_unsent(&mut self, now: Time) {
        let mut unsent = Vec::new();
        for slot in self.slots.numbers() {
            // `take_ack` follows, since a slot whose unsent call is taken back is free, and may owe an ACK for the call before.
            unsent.extend(self.slots.take_back(slot));
            let ack = self.slots.take_ack(slot);
            ack.into_iter().for_each(|ack| self.outgoing.push(ack));
        }
        self.waiting.return_all(unsent);
        self.wake_by(now);
    }

    /// Sends BYE to a server that is shutting down, once no reply from it is due.
    pub(super) fn leave_if_idle(&mut self) {
        if self.slots.have_sent_calls() {
            return;
        }
        for slot in self.slots.numbers() {
            // Frames leave in order, so the server has every ACK when it reads BYE, and its drain need not linger.
            let ack = self.slots.due_ack(slot, Time::NEVER);
            ack.into_iter().for_each(|ack| self.outgoing.push(ack));
        }
        self.outgoing.push(OutgoingFrame::Bye);
    }

    /// Looks at the timers of all calls.
    pub(super) fn handle_timeout(&mut self, at: Conditions<'_>) {
        // All slots, at most `MAX_SLOTS`: this runs only when one of the timers is due.
        for slot in self.slots.numbers() {
            self.handle_slot_timeout(slot, at);
        }
        // The socket may take nothing for as long as the timers fire: what they add is bounded here (V10).
        self.outgoing.drop_stale(&self.slots);
        for call in self.waiting.handle_timeout(at.now) {
            let text = format!("all {} held calls until its deadline (`Connector::slots`)", self.slots.len());
            self.end(call, at.never_sent(Reason::NoFreeSlot, text));
        }
        self.fill_slots(at);
        self.wake_by(self.waiting.next_timer());
        self.wake_by(self.slots.next_blocked(at.config.limits.all_orphaned, at.now));
    }

    fn handle_slot_timeout(&mut self, slot: Slot, at: Conditions<'_>) {
        let attached = at.connection.is_attached();
        if attached {
            let ack = self.slots.due_ack(slot, at.now);
            ack.into_iter().for_each(|ack| self.outgoing.push(ack));
        }
        match self.slots.handle_timeout(slot, attached, &at.config.limits, &mut self.random, at.now) {
            Due::Next(due) => self.wake_by(due),
            Due::Again(frame, due) => {
                self.counters.resent += u64::from(matches!(frame, OutgoingFrame::Call(..)));
                self.send_and_wake(frame, due);
            }
            Due::Deadline => self.deadline_passed(slot, at),
        }
    }

    /// A sent call is unknown, and can be resolved later. An unsent one never runs, since its number is skipped.
    fn deadline_passed(&mut self, slot: Slot, at: Conditions<'_>) {
        // Unsent: 'not executed' is true, and stays true, since the frame is made from the slot and the slot is free (V7).
        if let Some(call) = self.slots.take_back(slot) {
            let text = "the client had not sent it yet".to_owned();
            self.end(call, at.never_sent(Reason::Deadline, text));
            return self.fill_slots(at);
        }
        let tag = self.slots.tag(slot);
        if let (Some(_), Some(tag)) = (self.orphan(slot, tag, at), tag) {
            self.events.push_back(Event::Finished(tag, Outcome::Unknown(UnknownCause::Deadline)));
        }
    }
}
