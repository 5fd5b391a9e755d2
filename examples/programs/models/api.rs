//! The key-value service of every model: the same trait and the same store, with or without a wait.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rpc_core::rpc;

/// The lecture's service.
#[rpc]
pub(crate) trait Kv {
    /// Returns the value of a key; empty if it has none.
    fn get(&self, key: &str) -> String;
    /// Sets the value of a key.
    fn put(&self, key: &str, value: &str);
}

/// A map behind a mutex, and the time that a handler waits before it reads the map.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pairs: Mutex<HashMap<String, String>>,
    wait: Duration,
}

impl Store {
    /// Returns an empty store whose `get` waits first, as a handler does that asks a disk or another server.
    pub(crate) fn waiting(wait: Duration) -> Self {
        Store { wait, ..Store::default() }
    }
}

impl Kv for Store {
    fn get(&self, key: &str) -> String {
        if !self.wait.is_zero() {
            thread::sleep(self.wait); // without the lock
        }
        let pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner); // each change is one step, so the map is valid
        pairs.get(key).cloned().unwrap_or_default()
    }

    fn put(&self, key: &str, value: &str) {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        pairs.insert(key.to_owned(), value.to_owned());
    }
}
