//! The agreement between client and server: the trait, its error type, and the page that `list` returns.

use rpc_core::rpc;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A map from text keys to text values. Keys are ordered by their bytes.
#[rpc]
pub(crate) trait Kv {
    /// Returns the value of a key.
    #[rpc(idempotent)]
    fn get(&self, key: &str) -> Result<String, KvError>;

    /// Sets the value of a key, and replaces the old value if there is one.
    fn put(&self, key: &str, value: &str) -> Result<(), KvError>;

    /// Appends to the value of a key and returns the new length in bytes. A key without a value counts as empty.
    /// This method shows why at most once matters: if it runs twice, the value is wrong.
    fn append(&self, key: &str, value: &str) -> Result<u64, KvError>;

    /// Removes a key and returns its value.
    fn delete(&self, key: &str) -> Result<String, KvError>;

    /// Returns at most `limit` pairs whose keys start with `prefix` and are greater than `after` (empty: no lower
    /// bound). A long list is many small replies, not one large reply.
    #[rpc(idempotent)]
    fn list(&self, prefix: &str, after: &str, limit: u32) -> Page;
}

/// The service's own errors: the call ran, and this is its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub(crate) enum KvError {
    #[error("no such key: {key:?}")]
    NoSuchKey { key: String },
    #[error("a key must not be empty")]
    EmptyKey,
    #[error("a {what} of {bytes} bytes is over the limit of {limit}; split it over several keys")]
    TooLong { what: String, bytes: u64, limit: u64 },
}

/// Pairs in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) pairs: Vec<(String, String)>,
    /// True if more pairs follow: call `list` again with `after` set to the last key of this page.
    pub(crate) more: bool,
}
