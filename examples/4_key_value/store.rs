//! The implementation of [`Kv`]: an ordered map behind a mutex. It contains no networking.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::api::{Kv, KvError, Page};

/// Longest key, in bytes.
const MAX_KEY: usize = 4 << 10;
/// Longest value, in bytes: a page that ends with such a value stays well below the frame limit.
pub(crate) const MAX_VALUE: usize = 1 << 20;
/// Most pairs in one page.
pub(crate) const MAX_PAGE: u32 = 4096;
/// A page ends when its pairs have this many bytes.
pub(crate) const PAGE_BYTES: usize = 256 << 10;

/// Keys and values in memory. They are lost when the process ends.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pairs: Mutex<BTreeMap<String, String>>,
}

impl Store {
    /// Locks the map. A handler that panics while it holds the lock poisons the mutex. Each method below changes the
    /// map in one step, so the map is valid even then, and we use it on purpose instead of refusing all later calls.
    pub(crate) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls arrive on the server's threads, so the trait takes `&self` and the map is behind a lock.
impl Kv for Store {
    fn get(&self, key: &str) -> Result<String, KvError> {
        self.lock().get(key).cloned().ok_or_else(|| no_such_key(key))
    }

    fn put(&self, key: &str, value: &str) -> Result<(), KvError> {
        check_key(key)?;
        check_length("value", value.len(), MAX_VALUE)?;
        self.lock().insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    fn append(&self, key: &str, value: &str) -> Result<u64, KvError> {
        check_key(key)?;
        let mut pairs = self.lock();
        let length = pairs.get(key).map_or(0, String::len) + value.len();
        check_length("value", length, MAX_VALUE)?;
        pairs.entry(key.to_owned()).or_default().push_str(value);
        Ok(length as u64)
    }

    fn delete(&self, key: &str) -> Result<String, KvError> {
        self.lock().remove(key).ok_or_else(|| no_such_key(key))
    }

    fn list(&self, prefix: &str, after: &str, limit: u32) -> Page {
        let pairs = self.lock();
        // Starts at the greater of two bounds: the prefix itself, or the first key after `after`.
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
}

pub(crate) fn no_such_key(key: &str) -> KvError {
    KvError::NoSuchKey { key: key.to_owned() }
}

pub(crate) fn check_key(key: &str) -> Result<(), KvError> {
    if key.is_empty() { Err(KvError::EmptyKey) } else { check_length("key", key.len(), MAX_KEY) }
}

pub(crate) fn check_length(what: &str, bytes: usize, limit: usize) -> Result<(), KvError> {
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
