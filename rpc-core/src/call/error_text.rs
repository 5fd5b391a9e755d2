//! Layer 3: the texts of a call's errors: what, where, why, and what to do next.

use std::fmt;

use crate::error::Reason;
use crate::proto::client::{HAS_ENDED, Outage};
use crate::text::Escaped;

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

/// Writes a reason, its detail, and the lack of a connection, each thing once.
pub(super) struct Why<'a>(pub(super) Reason, pub(super) &'a str, pub(super) &'a Option<Box<Outage>>);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Why(reason, detail, outage) = *self;
        if reason == Reason::Draining && detail.starts_with(HAS_ENDED) {
            return write!(f, "{}", Escaped(detail)); // it says all of it
        }
        let is_said = outage.as_ref().is_some_and(|outage| outage.failure == detail);
        let detail = if is_said { "" } else { detail };
        write!(f, "{reason}{}{}", Detail(detail), During(outage))
    }
}

/// Writes `: text`, or nothing if the text is empty.
pub(super) struct Detail<'a>(pub(super) &'a str);

impl fmt::Display for Detail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", Escaped(self.0)) }
    }
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
