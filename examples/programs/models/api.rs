//! The key-value service that every model serves: the same trait, the same store, with or without a wait in it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rpc_core::rpc;

/// The lecture's service.
#[rpc]
pub(crate) trait Kv {
    /// The value of a key; empty if it has none.
    fn get(&self, key: &str) -> String;
    /// Gives a key a value.
    fn put(&self, key: &str, value: &str);
}

/// A map behind a mutex, and what a handler does before it looks.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pairs: Mutex<HashMap<String, String>>,
    wait: Duration,
}

impl Store {
    /// An empty store whose `get` waits first, as one does that asks a disk or another server.
    pub(crate) fn waiting(wait: Duration) -> Self {
        Store { wait, ..Store::default() }
    }
}

impl Kv for Store {
    fn get(&self, key: &str) -> String {
        if !self.wait.is_zero() {
            thread::sleep(self.wait); // without the lock
        }
        let pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner); // one step: it is whole
        pairs.get(key).cloned().unwrap_or_default()
    }

    fn put(&self, key: &str, value: &str) {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        pairs.insert(key.to_owned(), value.to_owned());
    }
}
