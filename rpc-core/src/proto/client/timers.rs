//! Floor 2: what time does on the client: deadlines, copies, cancels, acknowledgements, pauses, signs of life.

use std::time::Duration;

use super::session::SessionInfo;
use super::slot::Use;
use super::{ClientCore, Event, Link, Outgo};
use crate::error::Reason;
use crate::ids::{Slot, Time};
use crate::proto::{Doubt, Outcome};

impl ClientCore {
    /// When [`ClientCore::handle_timeout`] wants to be called; a time in the past means now.
    pub fn poll_timeout(&self) -> Option<Time> {
        (self.next_timer < Time::NEVER).then_some(self.next_timer)
    }

    /// A timer may be due. What has arrived must have been handed in before: an answer beats its deadline.
    pub fn handle_timeout(&mut self, now: Time) {
        if now < self.next_timer {
            return;
        }
        self.next_timer = Time::NEVER; // found anew by what follows
        for slot in 0..self.slots.len() as u16 {
            self.slot_timers(slot, now);
        }
        self.drop_stale_frames();
        self.waiting_timers(now);
        self.link_timers(now);
        let stuck_at = self.all_dirty_since.map(|since| since.plus(self.config.limits.all_dirty));
        if let Some(at) = stuck_at.filter(|at| *at > now) {
            self.wake_by(at); // once: after that `is_stuck` says so, and there is nothing to do here
        }
    }

    fn slot_timers(&mut self, slot: Slot, now: Time) {
        let up = self.link == Link::Up;
        let cap = self.config.limits.resend_cap;
        let Some(state) = self.slots.get_mut(slot) else { return };
        if let Some(due) = state.ack_at {
            if due <= now && up {
                state.ack_at = None;
                self.to_send.push_back(Outgo::Ack(slot, state.answered));
            } else if up {
                self.next_timer = self.next_timer.min(due);
            }
        }
        match &mut state.usage {
            Use::Free => {}
            Use::Taken(sending) if sending.call.deadline <= now => self.deadline_passed(slot, now),
            Use::Taken(sending) => {
                if up && sending.sent && !sending.buffered && sending.resend_at <= now {
                    sending.pause = jittered(sending.pause, cap, &mut self.random);
                    sending.resend_at = Time::NEVER; // set when the copy has left
                    self.counters.resent += 1;
                    self.to_send.push_back(Outgo::Call(slot, state.last));
                }
                let due =
                    if up { sending.resend_at.min(sending.call.deadline) } else { sending.call.deadline };
                self.next_timer = self.next_timer.min(due);
            }
            Use::Dirty(dirty) => {
                if up && dirty.cancel_at <= now {
                    dirty.pause = jittered(dirty.pause, cap, &mut self.random);
                    dirty.cancel_at = now.plus(dirty.pause);
                    self.to_send.push_back(Outgo::Cancel(slot, state.last));
                }
                if up {
                    self.next_timer = self.next_timer.min(dirty.cancel_at);
                }
            }
        }
    }

    /// Sent: nobody can say, and the question stays open. Not sent: it never runs, since its number is skipped.
    fn deadline_passed(&mut self, slot: Slot, now: Time) {
        let Some(Use::Taken(sending)) = self.slots.get(slot).map(|state| &state.usage) else { return };
        if sending.sent {
            let tag = sending.call.tag;
            self.give_up(slot, Some(tag), now);
            self.events.push_back(Event::Finished(tag, Outcome::Unknown(Doubt::Deadline)));
        } else if let Use::Taken(sending) = self.slots.release(slot) {
            let outcome = self.never_sent("nobody drove the connection in time".to_owned(), Reason::Deadline);
            self.end(sending.call, outcome);
            self.fill_slots();
        }
    }

    fn waiting_timers(&mut self, now: Time) {
        while let Some(entry) = self.delayed.first_entry().filter(|entry| entry.key().0 <= now) {
            let call = entry.remove();
            self.waiting.push_back(call);
        }
        if self.waiting.iter().any(|call| call.deadline <= now) {
            for call in std::mem::take(&mut self.waiting) {
                if call.deadline <= now {
                    let text = format!("all {} slots were taken until its deadline", self.slots.len());
                    let outcome = self.never_sent(text, Reason::NoFreeSlot);
                    self.end(call, outcome);
                } else {
                    self.waiting.push_back(call);
                }
            }
        }
        self.fill_slots();
        let delayed = self.delayed.first_key_value().map(|((due, _), _)| *due);
        let waiting = self.waiting.iter().map(|call| call.deadline).min();
        for due in delayed.into_iter().chain(waiting) {
            self.wake_by(due);
        }
    }

    /// Why a call that was never sent has run out of time.
    fn never_sent(&self, text: String, reason: Reason) -> Outcome {
        match self.link {
            Link::Up if !self.draining => Outcome::NotExecuted(reason, text),
            _ if self.draining => Outcome::NotExecuted(Reason::Draining, String::new()),
            _ => Outcome::NotExecuted(Reason::Unreachable, self.last_failure.clone()),
        }
    }

    fn link_timers(&mut self, now: Time) {
        let limits = &self.config.limits;
        match self.link {
            Link::Down(at) => {
                if at > now {
                    self.wake_by(at);
                }
            }
            Link::Connecting(since) | Link::Greeting(since) => {
                let due = since.plus(limits.connect);
                if due <= now {
                    "the server did not answer in time".clone_into(&mut self.last_failure);
                    self.link = Link::Condemned;
                    return;
                }
                self.wake_by(due);
                if matches!(self.link, Link::Greeting(_)) {
                    self.greet_again(now);
                }
            }
            Link::Up => self.sign_of_life(now),
            Link::Condemned => {}
        }
    }

    /// HELLO or WELCOME may have been lost: the same HELLO gets the same WELCOME (W8).
    fn greet_again(&mut self, now: Time) {
        if self.hello_again <= now {
            self.hello_pause = self.hello_pause.saturating_mul(2);
            self.hello_again = now.plus(self.hello_pause);
            self.to_send.push_back(Outgo::Hello);
        }
        self.wake_by(self.hello_again);
    }

    /// Asks for a sign of life when an answer is owed and nothing was heard for a while.
    fn sign_of_life(&mut self, now: Time) {
        let greeted = self.session.as_ref().is_none_or(SessionInfo::tables_are_here);
        if greeted && !self.has_sent_calls() {
            return;
        }
        let (after, limit) = (self.config.limits.ping_after, self.config.limits.ping_limit);
        let due = self.last_heard.max(self.last_ping).plus(after);
        if due > now {
            self.wake_by(due);
            return;
        }
        if self.pings >= limit {
            format!("the server has been silent through {limit} PINGs").clone_into(&mut self.last_failure);
            self.link = Link::Condemned;
            return;
        }
        self.pings += 1;
        self.last_ping = now;
        self.to_send.push_back(Outgo::Ping);
        self.ask_for_tables();
        self.wake_by(now.plus(after));
    }
}

/// Twice the pause, up to the cap, and up to 20 % more or less.
fn jittered(pause: Duration, cap: Duration, random: &mut fastrand::Rng) -> Duration {
    pause.saturating_mul(2).min(cap).mul_f64(0.8 + 0.4 * random.f64())
}
