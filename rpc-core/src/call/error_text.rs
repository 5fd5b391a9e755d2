//! Layer 3: the texts of a call's errors: what, where, why, and what to do next.

use std::fmt;

use super::error::{CallError, GivenUp, NotExecuted, Panicked, ReplyLost};
use crate::error::Reason;
use crate::proto::client::{HAS_ENDED, Outage};
use crate::text::{Escaped, debug_is_text};

debug_is_text!(Panicked, GivenUp, NotExecuted, ReplyLost);

impl<E: fmt::Debug> fmt::Debug for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Service(error) => f.debug_tuple("Service").field(error).finish(),
            CallError::Panicked(error) => error.fmt(f),
            CallError::GivenUp(error) => error.fmt(f),
            CallError::NotExecuted(error) => error.fmt(f),
            CallError::ReplyLost(error) => error.fmt(f),
            CallError::Unknown(error) => error.fmt(f),
        }
    }
}

/// Returns what the caller can do about a reason. The details of [`Reason::Contract`] and [`Reason::Encode`] say it.
pub(super) fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::NoFreeSlot => "; it is safe to call again, once some of them have ended",
        Reason::NoSuchMethod => "; check the name, and build both programs from the same trait",
        Reason::BadArguments => {
            "; if the two programs define a type differently, build both from the same types"
        }
        Reason::Denied => "; the same call would be denied again",
        Reason::TooLarge => "; send less at once",
        Reason::Closed => "; connect a new client",
        Reason::Contract | Reason::Encode => "",
        Reason::Cancelled | Reason::Deadline | Reason::Busy | Reason::Draining | Reason::Unreachable => {
            "; it is safe to call again"
        }
    }
}

/// Writes the reason, its detail, and the lack of a connection, each thing once.
pub(super) struct Why<'a>(pub(super) &'a NotExecuted);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NotExecuted { reason, detail, outage, .. } = self.0;
        if *reason == Reason::Draining && detail.starts_with(HAS_ENDED) {
            return write!(f, "{}", Escaped(detail)); // it says all of it
        }
        write!(f, "{reason}{}{}", Detail(own_detail(self.0)), During(outage))
    }
}

/// Writes `: text`, or nothing if the text is empty.
pub(super) struct Detail<'a>(pub(super) &'a str);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", Escaped(self.0)) }
    }
}

/// Returns the detail of an error, unless its outage says the same.
fn own_detail(error: &NotExecuted) -> &str {
    let is_said = error.outage.as_ref().is_some_and(|outage| outage.failure == error.detail);
    if is_said { "" } else { &error.detail }
}

/// Writes `; there has been no connection for ..`, or nothing if there was one.
pub(super) struct During<'a>(pub(super) &'a Option<Box<Outage>>);

impl fmt::Display for During<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(outage) => write!(f, "; {outage}"),
            None => Ok(()),
        }
    }
}
