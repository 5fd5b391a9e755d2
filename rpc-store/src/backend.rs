//! The trait of what is below a store: four ordered maps of bytes, and one commit for changes of all of them.

use std::collections::BTreeMap;
use std::error::Error;
use std::ops::Bound;

/// One of the maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// The facts about the store itself.
    Facts,
    /// The sessions, by their ids.
    Sessions,
    /// The records of calls, by session and slot.
    Records,
    /// The data of the services.
    Data,
}

/// Changes that are made together: a new value, or `None` to remove the key.
pub type Changes = BTreeMap<(Space, Vec<u8>), Option<Vec<u8>>>;

/// The error of a backend.
pub type BackendError = Box<dyn Error + Send + Sync>;

/// The maps in which a [`Store`](crate::Store) keeps its bytes. Keys are ordered by their bytes.
pub trait Backend: Send + Sync + 'static {
    /// Returns the value of a key.
    ///
    /// # Errors
    /// Returns an error if it cannot be read.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError>;

    /// Gives the pairs from `from` on to `each`, in order, until it returns false. All are of one commit.
    ///
    /// # Errors
    /// Returns an error if they cannot be read.
    fn range(
        &self,
        space: Space,
        from: Bound<&[u8]>,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), BackendError>;

    /// Makes all changes or none, and returns once they are durable. One thread at a time calls it.
    ///
    /// # Errors
    /// Returns an error if it is not known what is durable. The store is not used again after it.
    fn commit(&self, changes: &Changes) -> Result<(), BackendError>;
}

impl<B: Backend + ?Sized> Backend for Box<B> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        (**self).get(space, key)
    }

    fn range(
        &self,
        space: Space,
        from: Bound<&[u8]>,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), BackendError> {
        (**self).range(space, from, each)
    }

    fn commit(&self, changes: &Changes) -> Result<(), BackendError> {
        (**self).commit(changes)
    }
}
