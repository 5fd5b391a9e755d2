//! Floor 2: REPLY on the client: the first final answer to a slot's call counts, whatever it says.

use std::time::Duration;

use super::calls::weakest;
use super::slot::{Call, Use};
use super::{ClientCore, Event, Outgo};
use crate::error::{ProtocolError, Reason};
use crate::ids::{Slot, Time};
use crate::proto::Outcome;
use crate::wire::frame::Frame;
use crate::wire::message::{REPLY_NOT_KEPT, Status};

impl ClientCore {
    pub(super) fn handle_reply(&mut self, frame: Frame, now: Time) -> Result<(), ProtocolError> {
        let status = Status::from_code(frame.header.code)?;
        let (slot, seq) = (frame.header.slot, frame.header.seq);
        self.failures = 0; // only an answer says that all is well: a WELCOME may be followed by the next failure, for ever
        let state = self.slots.get_mut(slot).ok_or(ProtocolError::SlotRange(slot))?;
        if seq > state.last {
            return Err(ProtocolError::UnaskedReply);
        }
        let awaited = match &state.usage {
            Use::Free => false,
            Use::Taken(sending) if seq == state.last && !sending.sent => {
                return Err(ProtocolError::UnaskedReply);
            }
            Use::Taken(_) | Use::Dirty(_) => seq == state.last,
        };
        if !awaited {
            self.counters.stray_replies += 1;
            return Ok(());
        }
        state.answered = seq;
        let size = frame.body.len();
        self.offer_ack(slot, size, now);
        let after = Duration::from_millis(u64::from(frame.header.millis));
        let again = frame.skipped.is_none() && is_passing_loss(&frame.body);
        let outcome = self.outcome_of(status, frame);
        match self.slots.release(slot) {
            Use::Taken(sending) => self.conclude(sending.call, outcome, after, again, now),
            Use::Dirty(dirty) => {
                self.dirty -= 1;
                self.note_dirt(now);
                if let Some(tag) = dirty.tag {
                    // Stored with whoever asks before the slot is used again.
                    self.events.push_back(Event::Resolved(tag, weakest(outcome, dirty.worst)));
                }
            }
            Use::Free => {}
        }
        self.fill_slots();
        if self.draining {
            self.leave_if_idle();
        }
        Ok(())
    }

    fn conclude(&mut self, call: Call, outcome: Outcome, after: Duration, again: bool, now: Time) {
        match outcome {
            Outcome::ReplyLost(text) => self.reply_is_lost(call, text, again, now),
            Outcome::NotExecuted(Reason::Busy | Reason::Draining, _) => {
                self.end_or_retry(call, outcome, after, now)
            }
            Outcome::NotExecuted(Reason::NoSuchMethod, text) => {
                let better = self.session.as_ref().and_then(|session| session.disagreement(call.method));
                let outcome = match better {
                    Some(text) => Outcome::NotExecuted(Reason::Contract, text),
                    None => Outcome::NotExecuted(Reason::NoSuchMethod, text),
                };
                self.end(call, outcome);
            }
            _ => self.end(call, outcome),
        }
    }

    /// The call ran, and its reply is lost. A reply over a limit is over it the next time too: that loss is final.
    fn reply_is_lost(&mut self, mut call: Call, text: String, again: bool, now: Time) {
        call.lost += 1;
        let text = match call.lost {
            1 => text,
            runs => format!("it ran at least {runs} times, and no reply arrived; the last one: {text}"),
        };
        if again {
            self.end_or_repeat(call, Outcome::ReplyLost(text), now);
        } else {
            self.end(call, Outcome::ReplyLost(text));
        }
    }

    fn outcome_of(&self, status: Status, frame: Frame) -> Outcome {
        let text = || String::from_utf8_lossy(&frame.body).into_owned();
        if let Some(size) = frame.skipped.filter(|_| status.ran()) {
            let limit = self.config.limits.max_frame;
            return Outcome::ReplyLost(format!("{size} bytes are over this client's limit of {limit}"));
        }
        match status {
            Status::Done => Outcome::Done(frame.body),
            Status::Failed => Outcome::Failed(frame.body),
            Status::Panicked => Outcome::Panicked(text()),
            Status::ReplyLost => Outcome::ReplyLost(text()),
            Status::Refused(reason) => Outcome::NotExecuted(reason, text()),
        }
    }

    /// The answer is here: an ACK is owed, at once if the server keeps many bytes for us, else after a while.
    fn offer_ack(&mut self, slot: Slot, size: usize, now: Time) {
        let limits = &self.config.limits;
        let at_once = size >= limits.ack_at_once;
        let due = now.plus(limits.ack_delay);
        let Some(state) = self.slots.get_mut(slot) else { return };
        if at_once {
            state.ack_at = None;
            self.to_send.push_back(Outgo::Ack(slot, state.answered));
        } else {
            state.ack_at = Some(due);
            self.wake_by(due);
        }
    }
}

/// Returns true if the text of a lost reply says that the reply was sent once and not kept. A repeated answer may come
/// without its text (W12). Any other text names a reason that stays, such as a size over the server's limit.
fn is_passing_loss(text: &[u8]) -> bool {
    text.is_empty() || text == REPLY_NOT_KEPT.as_bytes()
}
