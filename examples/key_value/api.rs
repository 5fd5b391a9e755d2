//! What client and server agree on: the trait, its error and what its methods return.

use rpc_core::rpc;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest key, in bytes.
pub(crate) const MAX_KEY: usize = 4 << 10;
/// Longest value, in bytes: a page with one of them stays well below the frame limit.
pub(crate) const MAX_VALUE: usize = 1 << 20;
/// Most pairs in one page.
pub(crate) const MAX_PAGE: u32 = 4096;
/// A page ends early when it holds this many bytes: long lists are many small replies, not one large one.
pub(crate) const PAGE_BYTES: usize = 256 << 10;

/// Keys and their values. Both are text; keys are in the order of their bytes.
#[rpc]
pub(crate) trait Kv {
    /// The value of a key.
    #[rpc(idempotent)]
    fn get(&self, key: &str) -> Result<String, KvError>;

    /// Gives a key a value, whatever it had.
    fn put(&self, key: &str, value: &str) -> Result<(), KvError>;

    /// Adds to the end of a key's value; a key without one begins empty. Returns the new length in bytes. This is
    /// the method that shows why at most once matters: done twice, it leaves another value than done once.
    fn append(&self, key: &str, value: &str) -> Result<u64, KvError>;

    /// Takes a key away, and returns the value that it had.
    fn delete(&self, key: &str) -> Result<String, KvError>;

    /// At most `limit` pairs whose keys begin with `prefix` and come after `after` (empty: from the first).
    #[rpc(idempotent)]
    fn list(&self, prefix: &str, after: &str, limit: u32) -> Page;

    /// What the server has done and holds. Slow, since it asks each event loop, also the one that it came in by.
    #[rpc(idempotent, slow)]
    fn stats(&self) -> Stats;
}

/// The service's own answers: the call ran, and this is what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub(crate) enum KvError {
    #[error("no such key: {key:?}")]
    NoSuchKey { key: String },
    #[error("a key must not be empty")]
    EmptyKey,
    #[error("a {what} of {bytes} bytes is over the limit of {limit}; split it over several keys")]
    TooLong { what: String, bytes: u64, limit: u64 },
}

/// Some pairs in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) pairs: Vec<(String, String)>,
    /// Whether there are more: ask again with `after` set to the last key of this page.
    pub(crate) more: bool,
}

/// What the server has done and holds. Duplicates are copies of calls that the filter kept from running again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stats {
    /// Names the store: a server that was restarted has another one, and an empty store.
    pub(crate) store: String,
    pub(crate) keys: u64,
    pub(crate) calls: u64,
    pub(crate) handler_runs: u64,
    pub(crate) duplicates: u64,
    pub(crate) duplicates_answered: u64,
    pub(crate) duplicates_run_again: u64,
    pub(crate) refused: u64,
    pub(crate) cancels: u64,
    pub(crate) panics: u64,
    pub(crate) protocol_errors: u64,
    pub(crate) connections: u64,
    pub(crate) sessions: u64,
    pub(crate) sessions_resumed: u64,
    pub(crate) filter_record_bytes: u64,
    pub(crate) filter_reply_bytes: u64,
}
