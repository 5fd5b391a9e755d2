//! Floor 2: the life of a call on the client: started, waiting for a slot, in its slot, given up, ended.

use std::time::Duration;

use super::slot::{Call, Dirty, Tag, Use};
use super::{ClientCore, Event, Link, Outgo};
use crate::contract::Method;
use crate::error::Reason;
use crate::ids::{Slot, Time};
use crate::limits::RETRY_SECONDS;
use crate::proto::{Doubt, Outcome, Request};

impl ClientCore {
    /// Starts a call; its verdict comes by [`ClientCore::poll_event`] under `tag`.
    ///
    /// # Errors
    /// The verdict, when it is known without sending anything.
    pub fn start(&mut self, tag: Tag, request: Request, now: Time) -> Result<(), Outcome> {
        if self.closed {
            return Err(Outcome::NotExecuted(Reason::Closed, String::new()));
        }
        self.check(request.method, request.body.len())?;
        self.counters.calls += 1;
        let call = Call {
            tag,
            method: request.method,
            body: request.body,
            body_crc: request.body_crc,
            deadline: now.plus(request.within),
            repeat: request.repeat,
            retry: request.retry,
            worst: None,
            repeats: 0,
            lost: 0,
        };
        self.wake_by(call.deadline);
        if self.waiting.is_empty() && self.may_send() {
            return match self.place(call) {
                Ok(()) => Ok(()),
                Err(call) => self.queue(call),
            };
        }
        self.queue(call)
    }

    /// Gives a call up: its caller has gone, and nobody wants the answer.
    pub fn abandon(&mut self, tag: Tag, now: Time) {
        if let Some(at) = self.waiting.iter().position(|call| call.tag == tag) {
            self.waiting.remove(at);
        } else if let Some(key) = self.delayed.keys().find(|(_, known)| *known == tag).copied() {
            self.delayed.remove(&key);
        } else if let Some(slot) = self.slots.find(tag) {
            let sent = match self.slots.get(slot).map(|state| &state.usage) {
                Some(Use::Taken(sending)) => sending.sent,
                _ => return self.forget(tag),
            };
            if sent {
                self.give_up(slot, None, now);
            } else {
                self.slots.release(slot); // its number is skipped, so it never runs
                self.fill_slots();
            }
        }
    }

    /// Ends interest in the answer to an unknown call.
    pub fn forget(&mut self, tag: Tag) {
        if let Some(Use::Dirty(dirty)) =
            self.slots.find(tag).and_then(|slot| self.slots.get_mut(slot)).map(|state| &mut state.usage)
        {
            dirty.tag = None;
        }
    }

    /// Lets another session carry the calls that have no slot yet.
    pub fn move_waiting_to(&mut self, successor: &mut ClientCore) {
        successor.waiting.append(&mut self.waiting);
        successor.delayed.append(&mut self.delayed);
        successor.wake_by(Time::default());
    }

    /// Gives the session up without a word, as a forked child must: sent calls are unknown, the others go on.
    pub fn abandon_session(&mut self, now: Time) {
        self.forget_session(now);
        self.handle_disconnected("this process was forked", now);
    }

    /// Ends the session for good: BYE. Sent calls are unknown, the others were not executed.
    pub fn close(&mut self, now: Time) {
        if self.closed {
            return;
        }
        self.closed = true;
        for call in self.empty_slots(Doubt::Closed, now) {
            self.waiting.push_back(call);
        }
        let delayed = std::mem::take(&mut self.delayed);
        for call in self.waiting.drain(..).collect::<Vec<_>>().into_iter().chain(delayed.into_values()) {
            self.end(call, Outcome::NotExecuted(Reason::Closed, String::new()));
        }
        if self.link == Link::Up {
            self.to_send.clear();
            self.to_send.push_back(Outgo::Bye);
        } else {
            self.link = Link::Condemned;
        }
        self.wake_by(now);
    }

    /// Whether new calls may go into slots: the session is attached and the server is not leaving.
    pub(super) fn may_send(&self) -> bool {
        self.link == Link::Up && !self.draining
    }

    /// Puts waiting calls into free slots, first come, first served.
    pub(super) fn fill_slots(&mut self) {
        while self.may_send() && !self.waiting.is_empty() && self.slots.has_free() {
            let Some(call) = self.waiting.pop_front() else { return };
            if let Err(outcome) = self.check(call.method, call.body.len()) {
                self.end(call, outcome); // it was started before there was a session that could say so
                continue;
            }
            if let Err(call) = self.place(call) {
                self.waiting.push_front(call);
                return;
            }
        }
    }

    /// Ends a call with the weakest verdict of all its attempts.
    pub(super) fn end(&mut self, call: Call, outcome: Outcome) {
        self.events.push_back(Event::Finished(call.tag, weakest(outcome, call.worst)));
    }

    /// Ends a call, or repeats it later as a new one: an idempotent method whose reply is lost, or of which nobody can
    /// say whether it ran. Each repeat costs budget, and waits twice as long as the one before: a call that brings its
    /// server down must not do so at the rate of its network (V17).
    pub(super) fn end_or_repeat(&mut self, mut call: Call, outcome: Outcome, now: Time) {
        let limits = &self.config.limits;
        let pause = limits.backoff_first.saturating_mul(1 << call.repeats.min(16)).min(limits.backoff_cap);
        let due = call.repeat.then(|| self.take_retry(call.deadline, pause, now)).flatten();
        let Some(at) = due else { return self.end(call, outcome) };
        self.counters.repeated += 1;
        call.repeats += 1;
        call.worst = Some(match (call.worst.take(), outcome) {
            (Some(worst @ Outcome::Unknown(_)), _) => worst, // an unknown stays
            (_, outcome) => outcome,
        });
        self.delayed.insert((at, call.tag), call);
    }

    /// Tries a refused call again later, as a new call, if it may and there is budget and time.
    pub(super) fn end_or_retry(&mut self, call: Call, outcome: Outcome, after: Duration, now: Time) {
        let due = call.retry.then(|| self.take_retry(call.deadline, after, now)).flatten();
        let Some(at) = due else { return self.end(call, outcome) };
        self.counters.busy_retries += 1;
        self.delayed.insert((at, call.tag), call);
    }

    /// Takes one attempt out of the retry budget, and gives the time at which it is due: after `pause` and up to as
    /// long again. `None`: the session is closed, the budget is used up, or the deadline comes first.
    fn take_retry(&mut self, deadline: Time, pause: Duration, now: Time) -> Option<Time> {
        let rate = self.config.limits.retry_budget;
        let earned = now.since(self.budget_at).as_secs_f64() * rate;
        self.budget = (self.budget + earned).min(rate * RETRY_SECONDS);
        self.budget_at = now;
        let at = now.plus(pause.max(Duration::from_millis(1)).mul_f64(1.0 + self.random.f64()));
        if self.closed || self.budget < 1.0 || at >= deadline {
            return None;
        }
        self.budget -= 1.0;
        self.wake_by(at);
        Some(at)
    }

    /// The caller has gone: the slot stays taken, and CANCEL is sent until the answer is in.
    pub(super) fn give_up(&mut self, slot: Slot, tag: Option<Tag>, now: Time) -> Option<Call> {
        let pause = self.config.limits.resend_first;
        let dirty = Dirty { tag, worst: None, cancel_at: now.plus(pause), pause };
        let Use::Taken(mut sending) = self.slots.soil(slot, dirty) else { return None };
        self.dirty += 1;
        if let Some(state) = self.slots.get_mut(slot) {
            if let Use::Dirty(dirty) = &mut state.usage {
                dirty.worst = sending.call.worst.take();
            }
            if self.link == Link::Up {
                self.to_send.push_back(Outgo::Cancel(slot, state.last));
            }
        }
        self.wake_by(now.plus(pause));
        self.note_dirt(now);
        Some(sending.call)
    }

    /// Empties every slot: sent calls end in `doubt` (or are repeated), unsent ones are given back.
    pub(super) fn empty_slots(&mut self, doubt: Doubt, now: Time) -> Vec<Call> {
        let mut unsent = Vec::new();
        for slot in 0..self.slots.len() as u16 {
            match self.slots.release(slot) {
                Use::Free => {}
                Use::Taken(sending) if sending.sent => {
                    self.end_or_repeat(sending.call, Outcome::Unknown(doubt), now);
                }
                Use::Taken(sending) => unsent.push(sending.call),
                Use::Dirty(dirty) => {
                    self.dirty -= 1;
                    if let Some(tag) = dirty.tag {
                        self.events.push_back(Event::Resolved(tag, Outcome::Unknown(doubt)));
                    }
                }
            }
        }
        unsent
    }

    pub(super) fn has_sent_calls(&self) -> bool {
        self.slots.iter().any(|(_, state)| match &state.usage {
            Use::Free => false,
            Use::Taken(sending) => sending.sent,
            Use::Dirty(_) => true,
        })
    }

    /// Notes since when every slot is dirty.
    pub(super) fn note_dirt(&mut self, now: Time) {
        let all = self.dirty > 0 && self.dirty == self.slots.len();
        self.all_dirty_since = if all { self.all_dirty_since.or(Some(now)) } else { None };
    }

    /// Whether every slot has been dirty for so long that another session should take the calls.
    pub fn is_stuck(&self, now: Time) -> bool {
        let since = self.all_dirty_since.filter(|_| self.link == Link::Up);
        since.is_some_and(|since| now.since(since) >= self.config.limits.all_dirty)
    }

    fn place(&mut self, call: Call) -> Result<(), Call> {
        let deadline = call.deadline;
        let (slot, seq) = self.slots.take(call, self.config.limits.resend_first)?;
        self.wake_by(deadline); // the slot may have been looked at already by the timers that are at work
        self.to_send.push_back(Outgo::Call(slot, seq));
        self.drop_stale_frames();
        Ok(())
    }

    fn queue(&mut self, call: Call) -> Result<(), Outcome> {
        if self.waiting.len() + self.delayed.len() >= self.config.limits.waiting {
            let text = format!("{} calls wait already", self.waiting.len());
            return Err(Outcome::NotExecuted(Reason::NoFreeSlot, text));
        }
        self.waiting.push_back(call);
        Ok(())
    }

    /// What can be known to fail before it is sent: size, and contract.
    fn check(&self, method: &Method, size: usize) -> Result<(), Outcome> {
        let Some(session) = &self.session else { return Ok(()) };
        if size > session.max_frame {
            let text = format!("{size} bytes are over the server's limit of {}", session.max_frame);
            return Err(Outcome::NotExecuted(Reason::TooLarge, text));
        }
        match session.disagreement(method) {
            Some(text) => Err(Outcome::NotExecuted(Reason::Contract, text)),
            None => Ok(()),
        }
    }
}

/// The weaker of a verdict and that of earlier attempts: 'not executed' only if every one was, and an `unknown` stays
/// unless the call has run since.
pub(super) fn weakest(outcome: Outcome, earlier: Option<Outcome>) -> Outcome {
    match (outcome, earlier) {
        (Outcome::NotExecuted(..), Some(earlier)) => earlier,
        (Outcome::ReplyLost(_), Some(earlier @ Outcome::Unknown(_))) => earlier,
        (outcome, _) => outcome,
    }
}
