//! The key-value service: arguments by reference, and an error of its own.

use rpc_core::rpc;
use serde::{Deserialize, Serialize};

/// The reason why a key has no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KvError {
    /// It never had one.
    NotFound,
}

/// Keys and their values.
#[rpc]
pub trait Kv {
    /// The value of a key.
    #[rpc(idempotent)]
    fn get(&self, key: &str) -> Result<String, KvError>;

    /// Gives a key a value.
    fn put(&self, key: &str, value: &str) -> Result<(), KvError>;
}
