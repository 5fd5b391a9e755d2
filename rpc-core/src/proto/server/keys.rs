//! Layer 2: the names of sessions and calls inside this process.

use crate::ids::{Seq, Slot};

/// Names a session inside this process. The serial number prevents a stale key from reaching a newer session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SessionKey {
    /// The index in the slab.
    pub(super) index: u32,
    /// The session's serial number.
    pub(super) serial: u64,
}

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
