//! The thousand keys that each server holds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::work::{KEYS, key, value};

pub(crate) struct Store(Mutex<HashMap<String, Vec<u8>>>);

impl Store {
    pub(crate) fn filled() -> Self {
        Store(Mutex::new((0..KEYS).map(|i| (key(i), value(i))).collect()))
    }

    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(crate) fn put(&self, key: String, value: Vec<u8>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
    }
}
