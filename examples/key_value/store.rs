//! The server's side of [`Kv`]: an ordered map behind one lock.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rpc_core::ServerHandle;

use crate::api::{Kv, KvError, MAX_KEY, MAX_PAGE, MAX_VALUE, PAGE_BYTES, Page, Stats};

/// Keys and values in memory. They are gone when the process ends.
#[derive(Debug)]
pub(crate) struct Store {
    /// Different for each store that ever was: who has filled one can see that it is gone.
    name: String,
    pairs: Mutex<BTreeMap<String, String>>,
    /// The server that this store is served by, for `stats`; known once the server is bound.
    server: OnceLock<ServerHandle>,
}

impl Default for Store {
    fn default() -> Self {
        let random = RandomState::new().build_hasher().finish(); // the standard library's only random number
        Store { name: format!("{random:016x}"), pairs: Mutex::default(), server: OnceLock::new() }
    }
}

impl Store {
    /// Says who serves it.
    pub(crate) fn is_served_by(&self, server: ServerHandle) {
        let _ = self.server.set(server); // the first one counts
    }

    /// A handler that panicked while it held the lock poisons it. Every method below changes the map in one step and
    /// so leaves it whole; we go on with it on purpose, instead of refusing all calls from then on.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kv for Store {
    fn get(&self, key: &str) -> Result<String, KvError> {
        self.lock().get(key).cloned().ok_or_else(|| missing(key))
    }

    fn put(&self, key: &str, value: &str) -> Result<(), KvError> {
        check_key(key)?;
        check("value", value.len(), MAX_VALUE)?;
        let mut pairs = self.lock();
        match pairs.get_mut(key) {
            Some(old) => value.clone_into(old),
            None => {
                pairs.insert(key.to_owned(), value.to_owned());
            }
        }
        Ok(())
    }

    fn append(&self, key: &str, value: &str) -> Result<u64, KvError> {
        check_key(key)?;
        let mut pairs = self.lock();
        let length = pairs.get(key).map_or(0, String::len) + value.len();
        check("value", length, MAX_VALUE)?;
        match pairs.get_mut(key) {
            Some(old) => old.push_str(value),
            None => {
                pairs.insert(key.to_owned(), value.to_owned());
            }
        }
        Ok(length as u64)
    }

    fn delete(&self, key: &str) -> Result<String, KvError> {
        self.lock().remove(key).ok_or_else(|| missing(key))
    }

    fn list(&self, prefix: &str, after: &str, limit: u32) -> Page {
        let pairs = self.lock();
        // Whichever is later: the prefix itself, or just behind `after`.
        let from = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
        let mut page = Page::default();
        let mut bytes = 0;
        for (key, value) in pairs.range::<str, _>((from, Bound::Unbounded)) {
            if !key.starts_with(prefix) {
                break;
            }
            if page.pairs.len() >= limit.clamp(1, MAX_PAGE) as usize || bytes >= PAGE_BYTES {
                page.more = true;
                break;
            }
            bytes += key.len() + value.len();
            page.pairs.push((key.clone(), value.clone()));
        }
        page
    }

    fn stats(&self) -> Stats {
        let keys = self.lock().len() as u64;
        let store = self.name.clone();
        let Some(server) = self.server.get() else {
            return Stats { store, keys, ..Stats::default() };
        };
        let seen = server.counters();
        Stats {
            store,
            keys,
            calls: seen.calls,
            handler_runs: seen.executions,
            duplicates: seen.duplicates(),
            duplicates_answered: seen.copies_replayed + seen.copies_not_kept + seen.copies_refused,
            duplicates_run_again: seen.copies_executed,
            refused: seen.refused,
            cancels: seen.cancels,
            panics: seen.panics,
            protocol_errors: seen.protocol_errors,
            connections: seen.connections as u64,
            sessions: seen.sessions as u64,
            sessions_resumed: seen.resumed,
            filter_record_bytes: seen.record_bytes as u64,
            filter_reply_bytes: seen.kept_bytes as u64,
        }
    }
}

fn missing(key: &str) -> KvError {
    KvError::NoSuchKey { key: key.to_owned() }
}

fn check_key(key: &str) -> Result<(), KvError> {
    if key.is_empty() { Err(KvError::EmptyKey) } else { check("key", key.len(), MAX_KEY) }
}

fn check(what: &str, bytes: usize, limit: usize) -> Result<(), KvError> {
    if bytes <= limit {
        return Ok(());
    }
    Err(KvError::TooLong { what: what.to_owned(), bytes: bytes as u64, limit: limit as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        let store = Store::default();
        for key in ["a", "ab", "abc", "b"] {
            store.put(key, "1").expect("a short key");
        }
        store
    }

    fn keys(page: &Page) -> Vec<&str> {
        page.pairs.iter().map(|(key, _)| key.as_str()).collect()
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let store = store();
        let first = store.list("a", "", 2);
        assert_eq!((keys(&first), first.more), (vec!["a", "ab"], true));
        let second = store.list("a", "ab", 2);
        assert_eq!((keys(&second), second.more), (vec!["abc"], false));
    }

    #[test]
    fn a_page_of_large_values_ends_early() {
        let store = store();
        let large = "x".repeat(PAGE_BYTES);
        store.put("ab", &large).expect("within the limit");
        let page = store.list("", "", 4096);
        assert_eq!((keys(&page), page.more), (vec!["a", "ab"], true));
    }

    #[test]
    fn an_append_over_the_limit_changes_nothing() {
        let store = store();
        let large = "x".repeat(MAX_VALUE);
        assert!(matches!(store.append("a", &large), Err(KvError::TooLong { .. })));
        assert_eq!(store.get("a").as_deref(), Ok("1"));
    }
}
