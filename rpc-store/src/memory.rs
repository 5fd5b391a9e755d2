//! A backend in memory, for tests: it outlives the stores that are opened on it, as a disk outlives processes.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backend::{Backend, BackendError, Changes, Space};

/// The contents of a backend.
type Map = BTreeMap<(Space, Vec<u8>), Vec<u8>>;

/// A backend in memory. Its clones are the same, so that a test can open a store on what another one has left.
#[derive(Clone, Debug, Default)]
pub struct MemoryBackend {
    /// The pairs of all spaces.
    map: Arc<Mutex<Map>>,
}

impl MemoryBackend {
    fn lock(&self) -> MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner) // a commit changes it key by key, and does not panic
    }

    /// Returns the value of a key of the services' data.
    pub fn data(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.lock().get(&(Space::Data, key.to_vec())).cloned()
    }
}

impl Backend for MemoryBackend {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        Ok(self.lock().get(&(space, key.to_vec())).cloned())
    }

    fn range(
        &self,
        space: Space,
        from: Bound<&[u8]>,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), BackendError> {
        let from = match from {
            Bound::Included(key) => Bound::Included((space, key.to_vec())),
            Bound::Excluded(key) => Bound::Excluded((space, key.to_vec())),
            Bound::Unbounded => Bound::Included((space, Vec::new())),
        };
        let map = self.lock();
        let of_space = map.range((from, Bound::Unbounded)).take_while(|((of, _), _)| *of == space);
        for ((_, key), value) in of_space {
            if !each(key, value) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&self, changes: &Changes) -> Result<(), BackendError> {
        let mut map = self.lock();
        for (key, value) in changes {
            match value {
                Some(value) => drop(map.insert(key.clone(), value.clone())),
                None => drop(map.remove(key)),
            }
        }
        Ok(())
    }
}
