//! Floor 2: the canonical form of a client: all that decides what it does from now on, and nothing else.
//!
//! Left out: counters, texts of errors, and the contents of unfinished frames (the search hands in whole ones).

use super::slot::{Call, Use};
use super::{ClientCore, Event, Link, Outgo};
use crate::ids::{Seq, Time};
use crate::proto::{Canonical, Doubt, Outcome};

impl ClientCore {
    /// Writes the canonical form.
    pub fn canonical(&self, now: Time, form: &mut Canonical) {
        self.canonical_link(form);
        self.canonical_session(form);
        self.canonical_slots(form);
        form.count(self.waiting.len());
        for call in &self.waiting {
            canonical_call(call, form);
        }
        form.count(self.delayed.len());
        for ((due, _), call) in &self.delayed {
            form.due(*due);
            canonical_call(call, form);
        }
        form.count(self.to_send.len());
        for outgo in &self.to_send {
            canonical_outgo(*outgo, form);
        }
        form.count(self.buffered.len());
        for (slot, seq) in &self.buffered {
            form.number(u64::from(*slot));
            form.number(*seq);
        }
        form.count(self.events.len());
        for event in &self.events {
            let (resolved, tag, outcome) = match event {
                Event::Finished(tag, outcome) => (false, *tag, outcome),
                Event::Resolved(tag, outcome) => (true, *tag, outcome),
            };
            form.flags(&[resolved]);
            form.number(tag);
            canonical_outcome(Some(outcome), form);
        }
        form.due(self.next_timer);
        form.number(self.random.get_seed());
        self.canonical_budget(now, form);
    }

    /// Returns the highest number used in any slot, for a search that ends somewhere.
    pub fn highest_seq(&self) -> Seq {
        self.slots.iter().map(|(_, state)| state.last).max().unwrap_or(0)
    }

    fn canonical_link(&self, form: &mut Canonical) {
        let limits = &self.config.limits;
        let (stage, due) = match self.link {
            Link::Down(at) => (1, at),
            Link::Connecting(since) => (2, since.plus(limits.connect)),
            Link::Greeting(since) => (3, since.plus(limits.connect)),
            Link::Up => (4, Time::NEVER),
            Link::Condemned => (5, Time::NEVER),
        };
        form.number(stage);
        form.due(due);
        form.due(self.not_before);
        if matches!(self.link, Link::Greeting(_)) {
            form.due(self.hello_again);
            form.number(self.hello_pause.as_micros() as u64);
        }
        form.due(self.last_heard.max(self.last_ping).plus(limits.ping_after));
        form.number(u64::from(self.pings));
        // Of the failures only the pause that they make counts.
        let pause = limits.backoff_first.saturating_mul(1 << self.failures.min(16)).min(limits.backoff_cap);
        form.number(pause.as_micros() as u64);
        form.flags(&[
            self.failures == 0 && !pause.is_zero(),
            self.rejected,
            self.draining,
            self.wants_session,
            self.closed,
            self.decoder.has_unread(),
            self.decoder.is_mid_frame(),
        ]);
    }

    fn canonical_session(&self, form: &mut Canonical) {
        form.flags(&[self.session.is_some()]);
        let Some(session) = &self.session else { return };
        form.name(session.id.0);
        form.data(&session.token.0);
        form.number(u64::from(session.features));
        form.count(session.max_frame);
        form.count(session.differing.len());
        for (name, agreement, table) in &session.differing {
            form.data(name.as_bytes());
            form.number(*agreement as u64);
            form.flags(&[table.is_some()]);
        }
    }

    fn canonical_slots(&self, form: &mut Canonical) {
        form.count(self.slots.len());
        for (_, state) in self.slots.iter() {
            form.number(state.last);
            form.number(state.answered);
            form.due_if_set(state.ack_at);
            match &state.usage {
                Use::Free => form.number(0),
                Use::Taken(sending) => {
                    form.number(1);
                    canonical_call(&sending.call, form);
                    form.flags(&[sending.sent, sending.buffered]);
                    form.due(sending.resend_at);
                    form.number(sending.pause.as_micros() as u64);
                }
                Use::Dirty(dirty) => {
                    form.number(2);
                    form.flags(&[dirty.tag.is_some()]);
                    form.number(dirty.tag.unwrap_or(0));
                    canonical_outcome(dirty.worst.as_ref(), form);
                    form.due(dirty.cancel_at);
                    form.number(dirty.pause.as_micros() as u64);
                }
            }
        }
        form.count(self.dirty);
        form.due_if_set(self.all_dirty_since.map(|since| since.plus(self.config.limits.all_dirty)));
    }

    /// Writes what the retry budget has grown to by now.
    fn canonical_budget(&self, now: Time, form: &mut Canonical) {
        let rate = self.config.limits.retry_budget;
        let earned = now.since(self.budget_at).as_secs_f64() * rate;
        form.number((self.budget + earned).min(rate * 10.0).to_bits());
    }
}

fn canonical_call(call: &Call, form: &mut Canonical) {
    form.number(call.tag);
    form.number(call.method.id.0);
    form.number(u64::from(call.body_crc));
    form.count(call.body.len());
    form.due(call.deadline);
    form.flags(&[call.repeat, call.retry]);
    canonical_outcome(call.worst.as_ref(), form);
}

fn canonical_outcome(outcome: Option<&Outcome>, form: &mut Canonical) {
    match outcome {
        None => form.number(0),
        Some(Outcome::Done(body)) => {
            form.number(1);
            form.data(body);
        }
        Some(Outcome::Failed(body)) => {
            form.number(2);
            form.data(body);
        }
        Some(Outcome::Panicked(_)) => form.number(3),
        Some(Outcome::NotExecuted(..)) => form.number(4),
        Some(Outcome::ReplyLost(_)) => form.number(5),
        Some(Outcome::Unknown(doubt)) => form.number(match doubt {
            Doubt::Deadline => 6,
            Doubt::SessionLost => 7,
            Doubt::BrokenServer => 8,
            Doubt::Closed => 9,
        }),
    }
}

fn canonical_outgo(outgo: Outgo, form: &mut Canonical) {
    let (kind, slot, seq) = match outgo {
        Outgo::Hello => (1, 0, 0),
        Outgo::Call(slot, seq) => (2, slot, seq),
        Outgo::Cancel(slot, seq) => (3, slot, seq),
        Outgo::Ack(slot, seq) => (4, slot, seq),
        Outgo::Ping => (5, 0, 0),
        Outgo::Methods(index) => (6, index as u16, 0),
        Outgo::Bye => (7, 0, 0),
    };
    form.number(kind);
    form.number(u64::from(slot));
    form.number(seq);
}
