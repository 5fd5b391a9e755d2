//! The default backend: redb, a B-tree in one file with copy on write and checksums.

use std::error::Error;
use std::fmt;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Database, DatabaseError, ReadableDatabase, StorageBackend, TableDefinition, TableError};

use crate::backend::{Backend, BackendError, Changes, Space};
use crate::error::StoreError;

/// Bytes that the cache of a file may take: the calls of a server touch few pages, and the kernel has a cache of its own.
const CACHE: usize = 64 << 20;

/// A redb file.
pub struct RedbBackend(Option<Database>);

impl RedbBackend {
    /// Opens a file, or makes it. It is locked until the backend is dropped.
    ///
    /// # Errors
    /// Returns an error if another process has it open, it is no redb file, or the operating system refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let failed = |source| StoreError::Open { path: path.to_owned(), source };
        match whole(|| Ok(Database::builder().set_cache_size(CACHE).create(path))).map_err(failed)? {
            Ok(database) => Ok(RedbBackend(Some(database))),
            Err(DatabaseError::DatabaseAlreadyOpen) => Err(StoreError::InUse(path.to_owned())),
            Err(source) => Err(failed(source.into())),
        }
    }

    /// Opens what is in `storage`: for tests, which may lose writes that were not synced.
    ///
    /// # Errors
    /// Returns an error if it is neither empty nor a redb file, or cannot be read.
    pub fn on(storage: impl StorageBackend) -> Result<Self, StoreError> {
        let opened = Database::builder().set_cache_size(CACHE).create_with_backend(storage);
        Ok(RedbBackend(Some(opened.map_err(|error| StoreError::Read(error.into()))?)))
    }

    /// Returns the file, which is there until the backend is dropped.
    fn database(&self) -> Result<&Database, BackendError> {
        self.0.as_ref().ok_or_else(|| "the file is closed".into())
    }
}

impl Drop for RedbBackend {
    /// Closes the file. redb writes what it knows of free pages then, and panics over some damaged ones: the process must not end
    /// of that, and the next one checks the file.
    fn drop(&mut self) {
        let database = self.0.take();
        let _ = catch_unwind(AssertUnwindSafe(move || drop(database)));
    }
}

impl fmt::Debug for RedbBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedbBackend")
    }
}

/// Does `work` on the file. redb trusts that a page which another names is whole, and panics if it is not: that is an error here.
///
/// Unwind safety: a transaction that is half done is dropped with the panic, and the store is not used again.
fn whole<T>(work: impl FnOnce() -> Result<T, BackendError>) -> Result<T, BackendError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("the file is damaged: its pages do not belong together".into()))
}

/// Returns the table of a space.
fn table(space: Space) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
    TableDefinition::new(match space {
        Space::Facts => "facts",
        Space::Sessions => "sessions",
        Space::Records => "records",
        Space::Data => "data",
    })
}

/// Returns what was opened; `None` if there is no such table yet.
fn if_there<T>(opened: Result<T, TableError>) -> Result<Option<T>, TableError> {
    match opened {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Backend for RedbBackend {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        whole(|| {
            let Some(table) = if_there(self.database()?.begin_read()?.open_table(table(space)))? else {
                return Ok(None);
            };
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        })
    }

    fn range(
        &self,
        space: Space,
        from: Bound<&[u8]>,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), BackendError> {
        whole(|| {
            let Some(table) = if_there(self.database()?.begin_read()?.open_table(table(space)))? else {
                return Ok(());
            };
            for pair in table.range::<&[u8]>((from, Bound::Unbounded))? {
                let (key, value) = pair?;
                if !each(key.value(), value.value()) {
                    break;
                }
            }
            Ok(())
        })
    }

    fn commit(&self, changes: &Changes) -> Result<(), BackendError> {
        whole(|| commit(self.database()?, changes))
    }
}

/// Writes the changes in one transaction, which is durable when it returns: one write of the pages, and one sync.
fn commit(database: &Database, changes: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
    let transaction = database.begin_write()?;
    let mut changes = changes.iter().peekable();
    // In the order of the spaces: each table is opened once.
    while let Some(((space, _), _)) = changes.peek() {
        let space = *space;
        let mut table = transaction.open_table(table(space))?;
        while let Some(((_, key), value)) = changes.next_if(|((of, _), _)| *of == space) {
            match value {
                Some(value) => table.insert(key.as_slice(), value.as_slice())?,
                None => table.remove(key.as_slice())?,
            };
        }
    }
    transaction.commit()?;
    Ok(())
}
