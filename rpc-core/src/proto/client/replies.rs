//! Layer 2: replies: the outcome that a REPLY stands for, and a reply that is read too late to be a verdict.

use super::call::{Call, weaker};
use super::config::Event;
use crate::error::Reason;
use crate::ids::Time;
use crate::proto::{Outcome, UnknownCause};
use crate::text::received;
use crate::wire::frame::Frame;
use crate::wire::message::{REPLY_NOT_KEPT_BEFORE, Status};

/// The outcome of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// The outcome.
    pub(super) outcome: Outcome,
    /// True if another attempt of an idempotent call may bring its reply: the reply was not kept. A reply over
    /// a limit is over it the next time too.
    pub(super) may_arrive_again: bool,
}

impl Reply {
    /// Reads a REPLY. `limit`: the longest body that the client accepts.
    pub(super) fn new(status: Status, frame: Frame, limit: usize) -> Self {
        if let Some(size) = frame.skipped.filter(|_| status.ran()) {
            let text = format!("{size} bytes are over this client's limit of {limit}");
            return Reply { outcome: Outcome::ReplyLost(text), may_arrive_again: false };
        }
        // A server of an earlier page gives no pause but this text (W12).
        let may_arrive_again = frame.header.millis > 0 || frame.body == REPLY_NOT_KEPT_BEFORE.as_bytes();
        let text = || received(&frame.body);
        let outcome = match status {
            Status::Done => Outcome::Done(frame.body),
            Status::Failed => Outcome::Failed(frame.body),
            Status::Panicked => Outcome::Panicked(text()),
            Status::ReplyLost => Outcome::ReplyLost(text()),
            Status::GivenUp => Outcome::GivenUp(text()),
            Status::Refused(reason) => Outcome::NotExecuted(reason, text()),
        };
        Reply { outcome, may_arrive_again }
    }

    /// Returns true if the server suggests another attempt.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.outcome, Outcome::NotExecuted(Reason::Busy | Reason::Draining, _))
    }

    /// Returns true if this reply is no verdict on its call: the call ran, and its caller waits no longer.
    ///
    /// The handler may have seen that the deadline was over: what it returned then must not pass for a reply in time.
    pub(super) fn is_late(&self, call: &Call, now: Time) -> bool {
        call.deadline <= now && self.outcome.has_run()
    }

    /// Returns the news about a call that has such a reply: it is unknown by deadline, and resolved at once.
    pub(super) fn late(self, call: Call) -> [Event; 2] {
        let unknown = Outcome::Unknown(UnknownCause::Deadline);
        [Event::Finished(call.tag, unknown), Event::Resolved(call.tag, weaker(self.outcome, call.earlier))]
    }
}
