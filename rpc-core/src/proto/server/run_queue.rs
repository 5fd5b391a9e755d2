//! Layer 2: the queue of calls that may run, and the names under which they are handed out.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;

use super::call_table::CallData;
use super::sessions::SessionKey;
use crate::contract::Entry;
use crate::ids::{CallId, Seq, Slot, Time};
use crate::limits::ServerLimits;

/// A call that waits to run. It runs only if its record still says `Queued` with the same number.
#[derive(Clone, Debug)]
pub(super) struct QueueEntry {
    /// The session of the call.
    pub(super) session: SessionKey,
    /// Its slot there.
    pub(super) slot: Slot,
    /// Its number in the slot.
    pub(super) seq: Seq,
    /// The length of its arguments, as it counts against the bound.
    pub(super) bytes: usize,
    /// The data of a duplicate that runs because the filter is off: it runs beside its slot, without a record.
    pub(super) duplicate: Option<Box<CallData>>,
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

/// A call to be run now.
#[derive(Debug)]
pub struct ReadyCall {
    /// Names the call when it is finished.
    pub key: CallKey,
    /// The call's name on the wire.
    pub call: CallId,
    /// The method.
    pub entry: Entry,
    /// The arguments.
    pub body: Bytes,
    /// The time at which the caller stops waiting.
    pub deadline: Time,
    /// The address of the caller.
    pub peer: Option<SocketAddr>,
    /// Set when the caller cancels. Present only for methods that take a context.
    pub cancelled: Option<Arc<AtomicBool>>,
}

/// Calls in the order in which they arrived.
///
/// Invariant V10: the entries are at most `ServerLimits::queue`, and `bytes`, the sum of theirs, is at most
/// `ServerLimits::queue_bytes`. An entry counts until it is taken out, even if its call was refused meanwhile.
#[derive(Clone, Debug, Default)]
pub(super) struct RunQueue {
    /// The entries, oldest first.
    pub(super) entries: VecDeque<QueueEntry>,
    /// The sum of the lengths of their arguments.
    pub(super) bytes: usize,
}

impl RunQueue {
    /// Returns the number of entries, those of refused calls included.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns true if there is no entry.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns true if a call with `bytes` of arguments fits.
    pub(super) fn has_room(&self, bytes: usize, limits: &ServerLimits) -> bool {
        self.entries.len() < limits.queue && self.bytes + bytes <= limits.queue_bytes
    }

    /// Appends a call. The caller has checked that there is room.
    pub(super) fn push(&mut self, entry: QueueEntry) {
        self.bytes += entry.bytes;
        self.entries.push_back(entry);
    }

    /// Takes the oldest call.
    pub(super) fn pop(&mut self) -> Option<QueueEntry> {
        let entry = self.entries.pop_front()?;
        debug_assert!(entry.bytes <= self.bytes, "V10: the sum covers each entry");
        self.bytes -= entry.bytes;
        Some(entry)
    }

    /// Returns the sum as counted, and as it is.
    #[cfg(feature = "__inspection")]
    pub(super) fn sums(&self) -> (usize, usize) {
        (self.bytes, self.entries.iter().map(|entry| entry.bytes).sum())
    }
}
