//! Holds `docs/wire.md` and the code together: its vectors, its tables, and a client in another language.

mod exchange;
mod nesting;
mod other_language;
mod page;
mod tables;
mod values;
mod vectors;

use rpc_core::rpc;
use serde::{Deserialize, Serialize};

/// The error of the page's example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KvError {
    /// No such key.
    NotFound,
}

/// The service of the page's example.
#[rpc]
pub trait Kv {
    /// The value of a key.
    fn get(&self, key: &str) -> Result<String, KvError>;
    /// Gives a key a value.
    fn put(&self, key: &str, value: &str) -> Result<(), KvError>;
}

/// The second service of the page's vectors.
#[rpc]
pub trait Clock {
    /// The time.
    #[rpc(idempotent)]
    fn now(&self) -> u64;
}
