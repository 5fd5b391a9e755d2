//! The service of the page: texts under keys, to which clients append; and an account of what ran.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rpc_core::rpc;

/// Texts under keys.
#[rpc]
pub trait Kv {
    /// Appends to a text, and returns all of it.
    fn append(&self, key: &str, value: &str) -> String;
    /// Does the same, and takes its time.
    fn append_slowly(&self, key: &str, value: &str) -> String;
    /// Returns a text.
    #[rpc(idempotent)]
    fn get(&self, key: &str) -> String;
}

/// The time that a handler takes: about as long as a frame, so that it is seen.
const QUICK: Duration = Duration::from_millis(30);
/// The time that a slow handler takes: longer than a client waits before it sends a call again, and shorter than its deadline.
const SLOW: Duration = Duration::from_millis(2_500);

/// Returns the time that a method takes.
pub fn takes(method: &str) -> Duration {
    if method.ends_with("slowly") { SLOW } else { QUICK }
}

/// The implementation, which outlives the server's process as a file would.
#[derive(Clone, Debug, Default)]
pub struct Store(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    texts: BTreeMap<String, String>,
    ran: Vec<String>,
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the texts.
    pub fn texts(&self) -> BTreeMap<String, String> {
        self.lock().texts.clone()
    }

    /// Returns what the handlers were asked to append or get, in the order in which they ran.
    pub fn ran(&self) -> Vec<String> {
        self.lock().ran.clone()
    }

    fn add(&self, key: &str, value: &str) -> String {
        let mut contents = self.lock();
        contents.ran.push(value.to_owned());
        let text = contents.texts.entry(key.to_owned()).or_default();
        text.push_str(value);
        text.clone()
    }
}

impl Kv for Store {
    fn append(&self, key: &str, value: &str) -> String {
        self.add(key, value)
    }

    fn append_slowly(&self, key: &str, value: &str) -> String {
        self.add(key, value)
    }

    fn get(&self, key: &str) -> String {
        let mut contents = self.lock();
        contents.ran.push("get".to_owned());
        contents.texts.get(key).cloned().unwrap_or_default()
    }
}
