//! Layer 2: a call of a client that has not ended, and the weakest verdict of its attempts.

use super::{Event, Tag};
use crate::arguments;
use crate::contract::Method;
use crate::ids::Time;
use crate::proto::{Outcome, Request};
use crate::wire::frame::body_checksum;
use crate::wire::metadata::HAS_METADATA;

/// A call that has not ended: its encoded arguments and its policies.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Its name for the thread that started it.
    pub(super) tag: Tag,
    /// The method.
    pub(super) method: &'static Method,
    /// The arguments, with the metadata behind them: encoded once, and sent as often as needed.
    pub(super) body: Vec<u8>,
    /// The number of bytes at the end of `body` that are metadata.
    pub(super) metadata: usize,
    /// The checksum of `body`.
    pub(super) body_crc: u32,
    /// The time at which the caller stops waiting.
    pub(super) deadline: Time,
    /// True if it may be repeated by itself.
    pub(super) repeat: bool,
    /// True if it may be tried again when the server is busy or draining.
    pub(super) retry: bool,
    /// True if it ends as soon as the server could not be reached at any of its addresses.
    pub(super) fail_fast: bool,
    /// The weakest verdict of earlier attempts. It stands if the last attempt was not executed.
    pub(super) earlier: Option<Outcome>,
    /// Times that the call was repeated.
    pub(super) repeats: u32,
    /// Times that the call is known to have run without its reply arriving.
    pub(super) lost: u32,
}

impl Call {
    /// A call that begins now.
    pub(super) fn new(tag: Tag, request: Request, now: Time) -> Self {
        Call {
            tag,
            method: request.method,
            body: request.body,
            metadata: request.metadata,
            body_crc: request.body_crc,
            deadline: now.plus(request.within),
            repeat: request.repeat,
            retry: request.retry,
            fail_fast: request.fail_fast,
            earlier: None,
            repeats: 0,
            lost: 0,
        }
    }

    /// Ends the call with the weakest verdict of all its attempts. Its vector serves another call.
    pub(super) fn end(self, outcome: Outcome) -> Event {
        arguments::give(self.body);
        Event::Finished(self.tag, weaker(outcome, self.earlier))
    }

    /// Returns `code`, body and checksum of a call that has metadata, for a server that knows metadata or does not (W13a).
    #[cold] // so that the calls without it do not pay for it
    pub(super) fn with_metadata(&self, is_known: bool) -> (u8, &[u8], u32) {
        if is_known {
            return (HAS_METADATA, &self.body, self.body_crc);
        }
        let (arguments, _) = self.body.split_at(self.body.len().saturating_sub(self.metadata));
        (0, arguments, body_checksum(arguments, true))
    }

    /// Notes that the call ran and its reply is lost. Returns that outcome, which says how often that has happened.
    pub(super) fn note_lost_reply(&mut self, text: String) -> Outcome {
        self.lost += 1;
        Outcome::ReplyLost(match self.lost {
            1 => text,
            runs => format!("it ran at least {runs} times, and no reply arrived; the last one: {text}"),
        })
    }

    /// Notes the verdict of an attempt that is followed by another one.
    pub(super) fn note_attempt(&mut self, outcome: Outcome) {
        self.earlier = Some(match (self.earlier.take(), outcome) {
            (Some(earlier @ Outcome::Unknown(_)), _) => earlier, // an unknown stays
            (_, outcome) => outcome,
        });
    }
}

/// Returns the weaker of a verdict and that of earlier attempts.
///
/// A call was 'not executed' only if no attempt was executed. 'Unknown' stays unless the call has run since.
///
/// The order, from weak to strong: unknown < executed, reply lost < not executed. A value, an error or a panic of the last
/// attempt counts whatever was before: an idempotent call may have run more than once, and that is its reply.
pub(super) fn weaker(outcome: Outcome, earlier: Option<Outcome>) -> Outcome {
    let Some(earlier) = earlier else { return outcome }; // the common case
    match (outcome, earlier) {
        (Outcome::NotExecuted(..), earlier) => earlier,
        (Outcome::ReplyLost(_), earlier @ Outcome::Unknown(_)) => earlier,
        (outcome, _) => outcome,
    }
}
