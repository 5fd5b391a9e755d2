//! The state that is in memory and not yet in the backend: the transaction that runs, those that have ended, and those under commit.
//!
//! ```text
//! current --end--> batch --commit begins--> committing --commit returns--> the backend
//! ```
//! A key is looked up in this order, so a transaction sees all that ended before it, durable or not. No reply tells of that before
//! the commit: every byte that leaves waits for all that ended before it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::thread::ThreadId;

use rpc_core::CallId;
use rpc_core::ids::{SessionId, Slot};

use crate::backend::{Changes, Space};

/// The writes of one transaction to the services' data.
pub(crate) type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The transaction of a call that runs.
#[derive(Debug)]
pub(crate) struct Current {
    /// The call.
    pub(crate) call: CallId,
    /// The thread of its handler.
    pub(crate) thread: ThreadId,
    /// Its writes so far.
    pub(crate) writes: Writes,
}

/// The state of a store that is not in its backend.
///
/// Invariant: `committing` is empty unless a commit is under way. What is in `batch` came after it.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// The transaction that runs: one at a time.
    pub(crate) current: Option<Current>,
    /// The changes of the next commit.
    pub(crate) batch: Changes,
    /// The changes of the commit under way.
    pub(crate) committing: Arc<Changes>,
    /// The number of the last change.
    pub(crate) last: u64,
    /// The sessions that live, with the slots that have a record.
    pub(crate) sessions: HashMap<SessionId, BTreeSet<Slot>>,
    /// The text of the error after which the store is not used.
    pub(crate) failed: Option<String>,
}

impl Pending {
    /// Adds a change to the next commit.
    pub(crate) fn change(&mut self, space: Space, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.batch.insert((space, key), value);
        self.last += 1;
    }

    /// Returns the newest change of a key that is not in the backend; `None` if the backend has its value.
    ///
    /// `own`: the caller is the transaction that runs. Nothing else sees what it has written.
    pub(crate) fn find(&self, key: &[u8], own: bool) -> Option<Option<Vec<u8>>> {
        let written = self.current.as_ref().filter(|_| own).and_then(|current| current.writes.get(key));
        if let Some(value) = written {
            return Some(value.clone());
        }
        let key = (Space::Data, key.to_vec());
        self.batch.get(&key).or_else(|| self.committing.get(&key)).cloned()
    }

    /// Returns all changes of the data from `from` on that are not in the backend.
    pub(crate) fn from(&self, from: Bound<&[u8]>, own: bool) -> Writes {
        let start = match from {
            Bound::Included(key) => Bound::Included((Space::Data, key.to_vec())),
            Bound::Excluded(key) => Bound::Excluded((Space::Data, key.to_vec())),
            Bound::Unbounded => Bound::Included((Space::Data, Vec::new())),
        };
        let mut changes = Writes::new();
        for layer in [&*self.committing, &self.batch] {
            let of_layer = layer.range((start.clone(), Bound::Unbounded)); // the data is the last space
            changes.extend(of_layer.map(|((_, key), value)| (key.clone(), value.clone())));
        }
        if let Some(current) = self.current.as_ref().filter(|_| own) {
            let own = current.writes.range::<[u8], _>((from, Bound::Unbounded));
            changes.extend(own.map(|(key, value)| (key.clone(), value.clone())));
        }
        changes
    }
}
