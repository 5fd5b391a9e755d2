//! Pairs with an end: what calls read and write, and what the background work takes away.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Leases;

/// Most pairs at a time; beyond it the ones that end first go.
const MOST: usize = 10_000;

/// The service: values by key, each with the time when it ends. The background work shares it. Go would leave to the
/// collector who frees it; here the last of the two that lets go of the `Arc` does.
#[derive(Debug, Default)]
pub(crate) struct Pairs(Mutex<HashMap<String, (String, Instant)>>);

impl Pairs {
    /// Every change is one step: a panic elsewhere leaves the map whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, (String, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes away what has ended: how many that were, and how many are left.
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
