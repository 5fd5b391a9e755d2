//! Pairs that expire: calls read and write them, and the background work removes them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Leases;

/// Most pairs at a time; beyond it, the pairs that expire first are removed.
const MOST: usize = 10_000;

/// The service: values by key, each with the time at which it expires. The background work shares it. In Go the
/// garbage collector frees it; here the last of the two `Arc`s does.
#[derive(Debug, Default)]
pub(crate) struct Pairs(Mutex<HashMap<String, (String, Instant)>>);

impl Pairs {
    /// Every change is one step: a panic in another thread leaves the map valid.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, (String, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the expired pairs. Returns their number and the number of pairs that are left.
    pub(crate) fn expire(&self, now: Instant) -> (usize, usize) {
        let mut pairs = self.lock();
        let before = pairs.len();
        pairs.retain(|_, (_, ends)| *ends > now);
        (before - pairs.len(), pairs.len())
    }
}

impl Leases for Pairs {
    fn put(&self, key: &str, value: &str, milliseconds: u64) {
        let ends = Instant::now() + Duration::from_millis(milliseconds.min(3_600_000));
        let mut pairs = self.lock();
        if pairs.len() >= MOST && !pairs.contains_key(key) {
            let first = pairs.iter().min_by_key(|(_, (_, ends))| *ends).map(|(key, _)| key.clone());
            first.and_then(|first| pairs.remove(&first));
        }
        pairs.insert(key.to_owned(), (value.to_owned(), ends));
    }

    fn get(&self, key: &str) -> Option<String> {
        let pairs = self.lock();
        pairs.get(key).filter(|(_, ends)| *ends > Instant::now()).map(|(value, _)| value.clone())
    }
}
