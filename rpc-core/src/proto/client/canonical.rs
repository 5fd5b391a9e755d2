//! Layer 2: the canonical form of a client: all that decides what it does from now on, and nothing else.
//!
//! Left out: counters, texts of errors, the contents of unfinished frames (the search hands in whole ones), and the time of the last
//! loss, which only calls that fail fast read (no scenario has one).
//!
//! Clients with equal forms must behave equally, or the search misses states. Clients that behave equally may have different
//! forms: the search is then only larger. So a field is written if in doubt. A time is written as
//! the moment at which something becomes due, and not as the moment at which it began: two clients whose timers fire at the
//! same time are the same, however they came there.

use super::call::Call;
use super::connection::Link;
use super::outgoing::OutgoingFrame;
use super::slot::Use;
use super::{ClientCore, Event};
use crate::ids::{Seq, Time};
use crate::proto::{Canonical, Outcome, UnknownCause};

impl ClientCore {
    /// Writes the canonical form.
    pub fn canonical(&self, now: Time, form: &mut Canonical) {
        let calls = &self.calls;
        self.canonical_connection(form);
        self.canonical_session(form);
        self.canonical_slots(form);
        form.count(calls.waiting.queue.len());
        for call in &calls.waiting.queue {
            canonical_call(call, form);
        }
        form.count(calls.waiting.delayed.len());
        for ((due, _), call) in &calls.waiting.delayed {
            form.due(*due);
            canonical_call(call, form);
        }
        form.count(calls.outgoing.frames.len());
        for frame in &calls.outgoing.frames {
            canonical_frame(*frame, form);
        }
        form.count(calls.outgoing.buffered.len());
        for (slot, seq) in &calls.outgoing.buffered {
            form.number(u64::from(*slot));
            form.number(*seq);
        }
        form.count(calls.events.len());
        for event in &calls.events {
            let (resolved, tag, outcome) = match event {
                Event::Finished(tag, outcome) => (false, *tag, outcome),
                Event::Resolved(tag, outcome) => (true, *tag, outcome),
            };
            form.flags(&[resolved]);
            form.number(tag);
            canonical_outcome(Some(outcome), form);
        }
        // It may be earlier than every timer: then a look finds nothing to do, and sets it anew.
        form.due(calls.next_timer);
        form.number(calls.random.get_seed());
        self.canonical_budget(now, form);
    }

    /// Returns the highest number used in any slot, for a search that ends somewhere.
    pub fn highest_seq(&self) -> Seq {
        self.calls.slots.iter().map(|(_, state)| state.last).max().unwrap_or(0)
    }

    fn canonical_connection(&self, form: &mut Canonical) {
        let (limits, connection) = (&self.config.limits, &self.connection);
        // Each stage has a number of its own. `Closing` has three, by what follows it.
        let (stage, due) = match connection.link {
            Link::Down(at) => (1, at),
            Link::Connecting(since) => (2, since.plus(limits.connect)),
            Link::Greeting(greeting) => (3, greeting.since.plus(limits.connect)),
            Link::Up => (4, Time::NEVER),
            Link::Closing(next) => (5 + 16 * next as u64, Time::NEVER),
            Link::Draining => (6, Time::NEVER),
            Link::Leaving => (7, Time::NEVER),
            Link::Closed => (8, Time::NEVER),
        };
        form.number(stage);
        form.due(due);
        form.due(connection.not_before);
        if let Link::Greeting(greeting) = connection.link {
            form.due(greeting.again_at);
            form.number(greeting.pause.as_micros() as u64);
        }
        // The two times only count by the later one: see `check_silence`.
        form.due(connection.heard_at.max(connection.pinged_at).plus(limits.ping_after));
        form.number(u64::from(connection.pings));
        form.flags(&[connection.has_left_drain, connection.is_draining() && connection.sessions_stay]);
        // Of the failures only the pause that they make counts.
        let failures = connection.failures;
        let pause = limits.backoff_first.saturating_mul(1 << failures.min(16)).min(limits.backoff_cap);
        form.number(pause.as_micros() as u64);
        form.flags(&[
            // The first pause is an eighth if nothing has failed, so 0 failures differ from 1 while pauses are not 0.
            failures == 0 && !pause.is_zero(),
            connection.is_rejected(),
            connection.is_of_another_version(),
            self.wants_session,
            connection.decoder.has_unread(),
            connection.decoder.is_mid_frame(),
        ]);
    }

    fn canonical_session(&self, form: &mut Canonical) {
        form.flags(&[self.session.is_some(), self.nonce.present.is_some()]);
        form.name(self.nonce.present.map_or(0, |nonce| u128::from_le_bytes(nonce.0)));
        let Some(session) = &self.session else { return };
        form.name(session.id.0);
        form.data(&session.token.0);
        form.number(u64::from(session.features));
        form.count(session.max_frame);
        form.flags(&[session.services.is_some()]);
        form.count(session.differing.len());
        for differing in &session.differing {
            form.data(differing.service.as_bytes());
            form.number(differing.agreement as u64);
            // The contents of a table are those of the server, which has one: presence is enough.
            form.flags(&[differing.table.is_some()]);
        }
    }

    fn canonical_slots(&self, form: &mut Canonical) {
        let slots = &self.calls.slots;
        form.count(slots.len());
        for (_, state) in slots.iter() {
            form.number(state.last);
            form.number(state.replied);
            form.due_if_set(state.ack_at);
            match &state.usage {
                Use::Free => form.number(0),
                Use::InFlight(in_flight) => {
                    form.number(1);
                    canonical_call(&in_flight.call, form);
                    // `sent` decides the verdict at a deadline, `buffered` if a retransmission may be added.
                    form.flags(&[in_flight.sent, in_flight.buffered]);
                    form.due(in_flight.again.due);
                    form.number(in_flight.again.pause.as_micros() as u64);
                }
                Use::Orphaned(orphan) => {
                    form.number(2);
                    form.flags(&[orphan.tag.is_some()]);
                    form.number(orphan.tag.unwrap_or(0));
                    canonical_outcome(orphan.earlier.as_ref(), form);
                    form.due(orphan.again.due);
                    form.number(orphan.again.pause.as_micros() as u64);
                }
            }
        }
        form.count(slots.orphaned);
        form.due_if_set(slots.blocked_since.map(|since| since.plus(self.config.limits.all_orphaned)));
    }

    /// Writes the time until the retry budget is full: a client that has waited has the same budget as one that never spent it.
    fn canonical_budget(&self, now: Time, form: &mut Canonical) {
        let full_at = self.calls.retry.full_at;
        form.flags(&[full_at.is_some()]);
        form.number(full_at.map_or(0, |full_at| full_at.saturating_sub(now.0.saturating_mul(1_000))));
    }
}

fn canonical_call(call: &Call, form: &mut Canonical) {
    form.number(call.tag);
    form.number(call.method.id.0);
    form.number(u64::from(call.body_crc));
    form.count(call.body.len());
    form.count(call.metadata);
    form.due(call.deadline);
    form.flags(&[call.repeat, call.retry, call.fail_fast]);
    form.number(u64::from(call.repeats)); // the pause before the next one
    canonical_outcome(call.earlier.as_ref(), form);
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
        // Texts are left out: no rule and no later step reads them.
        Some(Outcome::Panicked(_)) => form.number(3),
        Some(Outcome::GivenUp(_)) => form.number(11),
        Some(Outcome::NotExecuted(..)) => form.number(4),
        Some(Outcome::ReplyLost(_)) => form.number(5),
        Some(Outcome::Unknown(cause)) => form.number(match cause {
            UnknownCause::Deadline => 6,
            UnknownCause::SessionLost => 7,
            UnknownCause::BrokenServer => 8,
            UnknownCause::Closed => 9,
            UnknownCause::Forked => 10, // of a process, never of the protocol
            UnknownCause::Unreachable => 11,
        }),
    }
}

fn canonical_frame(frame: OutgoingFrame, form: &mut Canonical) {
    let (kind, slot, seq) = match frame {
        OutgoingFrame::Hello => (1, 0, 0),
        OutgoingFrame::Call(slot, seq) => (2, slot, seq),
        OutgoingFrame::Cancel(slot, seq) => (3, slot, seq),
        OutgoingFrame::Ack(slot, seq) => (4, slot, seq),
        OutgoingFrame::Ping => (5, 0, 0),
        OutgoingFrame::Methods(index) => (6, index as u16, 0),
        OutgoingFrame::Bye => (7, 0, 0),
        OutgoingFrame::Services => (8, 0, 0),
    };
    form.number(kind);
    form.number(u64::from(slot));
    form.number(seq);
}
