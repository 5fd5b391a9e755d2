//! The transaction of a call: what its handler reads and writes, and the merge of what is in memory with the backend.

use std::fmt;
use std::ops::{Bound, ControlFlow};
use std::thread;

use rpc_core::CallId;

use crate::backend::Space;
use crate::pending::Current;
use crate::store::Shared;

/// The transaction of a call that runs. It ends with its call: what was written becomes durable together with the record of the
/// call and its reply, or not at all.
///
/// There is no commit and no rollback to call. A handler that returns a value, or `Ok`, has written; one that returns an error,
/// panics or gives up has not.
pub struct Transaction<'a> {
    /// The store.
    shared: &'a Shared,
    /// The call.
    call: CallId,
}

impl<'a> Transaction<'a> {
    /// Returns the transaction of the call that runs on this thread.
    pub(crate) fn new(shared: &'a Shared) -> Self {
        let me = thread::current().id();
        let current = shared.lock().current.as_ref().filter(|current| current.thread == me).map(|c| c.call);
        let why = "no call with a transaction runs on this thread: a method that is `idempotent` has none, and the server must \
                   be given this store by `Server::builder().durable(store)`";
        Transaction { shared, call: current.unwrap_or_else(|| panic!("{why}")) }
    }

    /// Returns the value of a key: what this transaction has written, or those before it.
    ///
    /// # Panics
    /// Panics if the store cannot be read. The server ends then, and the call has not run.
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.shared.get(key, Some(self.call))
    }

    /// Sets the value of a key.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.write(key, Some(value.to_vec()));
    }

    /// Removes a key.
    pub fn delete(&mut self, key: &[u8]) {
        self.write(key, None);
    }

    /// Gives the pairs from `from` on to `each`, in order, until it breaks. It must not use the store.
    ///
    /// # Panics
    /// Panics if the store cannot be read.
    pub fn range(&self, from: Bound<&[u8]>, each: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>) {
        self.shared.range(from, Some(self.call), each);
    }

    fn write(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        let mut pending = self.shared.lock();
        own(pending.current.as_mut(), self.call).writes.insert(key.to_vec(), value);
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transaction({})", self.call)
    }
}

/// Returns the transaction that runs, which must be that of this call.
///
/// # Panics
/// Panics if the call is over: its transaction was given to another thread, which has outlived the handler.
fn own(current: Option<&mut Current>, call: CallId) -> &mut Current {
    match current.filter(|current| current.call == call) {
        Some(current) => current,
        None => panic!("the call {call} is over, and its transaction with it"),
    }
}

impl Shared {
    /// Returns the value of a key, for the transaction of `call` or for a reader without one.
    pub(crate) fn get(&self, key: &[u8], call: Option<CallId>) -> Option<Vec<u8>> {
        let mut pending = self.lock();
        if let Some(call) = call {
            own(pending.current.as_mut(), call);
        }
        if let Some(value) = pending.find(key, call.is_some()) {
            return value;
        }
        drop(pending);
        // Only what ended before may come to the backend meanwhile, and of this key it has nothing newer than the backend.
        self.backend.get(Space::Data, key).unwrap_or_else(|error| self.fail(&error))
    }

    /// Gives the pairs from `from` on to `each`: one picture of the data, so the lock is held meanwhile.
    pub(crate) fn range(
        &self,
        from: Bound<&[u8]>,
        call: Option<CallId>,
        mut each: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) {
        let mut pending = self.lock();
        if let Some(call) = call {
            own(pending.current.as_mut(), call);
        }
        let mut newer = pending.from(from, call.is_some()).into_iter().peekable();
        let mut goes_on = true;
        let read = self.backend.range(Space::Data, from, &mut |key, value| {
            while let Some((before, changed)) = newer.next_if(|(changed, _)| changed.as_slice() < key) {
                goes_on = goes_on && changed.is_none_or(|value| each(&before, &value).is_continue());
            }
            let replaced = newer.next_if(|(changed, _)| changed.as_slice() == key);
            let value = match &replaced {
                Some((_, changed)) => changed.as_deref(),
                None => Some(value),
            };
            goes_on = goes_on && value.is_none_or(|value| each(key, value).is_continue());
            goes_on
        });
        for (key, changed) in newer {
            goes_on = goes_on && changed.is_none_or(|value| each(&key, &value).is_continue());
        }
        drop(pending);
        if let Err(error) = read {
            self.fail(&error);
        }
    }
}
