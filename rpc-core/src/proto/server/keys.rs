//! Layer 2: the names of sessions, calls and timers inside this process.

use crate::ids::{Seq, Slot, Time};
use crate::proto::peer::SourceId;

/// Names a session inside this process. The serial number prevents a stale key from reaching a newer session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SessionKey {
    /// The index in the slab.
    pub(super) index: u32,
    /// The session's serial number.
    pub(super) serial: u64,
}

/// Names a timer: the time at which it is due, and its number.
pub(super) type TimerKey = (Time, u64);

/// Names a call that was handed out to be run, until it is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallKey {
    /// The session of the call.
    pub(super) session: SessionKey,
    /// Its slot there.
    pub(super) slot: Slot,
    /// Its number in the slot.
    pub(super) seq: Seq,
    /// True for a duplicate that runs because the filter is off.
    pub(super) is_duplicate: bool,
}

/// Names the session of a call and its source, to compare them with those of other calls.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The session.
    session: SessionKey,
    /// The address from which the session was opened.
    source: Option<SourceId>,
}

impl Caller {
    /// Returns the caller of a call that was handed out.
    pub fn new(key: CallKey, source: Option<SourceId>) -> Self {
        Caller { session: key.session, source }
    }

    /// Returns true if both are the same session.
    pub fn is_same_session(&self, other: &Caller) -> bool {
        self.session == other.session
    }

    /// Returns true if both were opened from the same address, or are the same session.
    pub fn is_same_source(&self, other: &Caller) -> bool {
        self.is_same_session(other) || (self.source.is_some() && self.source == other.source)
    }

    /// Returns a caller without a core, for tests.
    #[cfg(test)]
    pub(crate) fn for_test(serial: u64, source: Option<SourceId>) -> Self {
        Caller { session: SessionKey { index: 0, serial }, source }
    }
}
