//! The store: opened, read, and committed.

use std::fmt;
use std::fs;
use std::ops::{Bound, ControlFlow};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use crate::backend::{Backend, BackendError, Changes, Space};
use crate::error::StoreError;
use crate::journal_rows;
use crate::mark::{self, Mark};
use crate::pending::Pending;
use crate::redb_file::RedbBackend;
use crate::rows::{self, FACTS, FORMAT, Facts};
use crate::transaction::Transaction;

/// The file of a store in its folder.
const FILE: &str = "store.redb";
/// The file that tells an older copy.
const MARK: &str = "mark";

/// The state in which a store was found when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Nothing: the store is new.
    New,
    /// The store as it was left. Clients find their sessions.
    Same,
    /// A copy, perhaps an older one. The data is as it was copied; the sessions have ended, and their clients are told so: what
    /// became of the calls that they had sent is unknown.
    Copied,
}

/// The sessions and records of a server, and the data of its services, in one file. Its clones are the same store.
#[derive(Clone)]
pub struct Store {
    /// The state that the clones share.
    pub(crate) shared: Arc<Shared>,
}

/// The state that the clones of a store share.
pub(crate) struct Shared {
    /// The bytes.
    pub(crate) backend: Box<dyn Backend>,
    /// The state that is not in the backend yet.
    pending: Mutex<Pending>,
    /// Notified when the transaction that runs has ended.
    pub(crate) turn: Condvar,
    /// Held by the thread that commits.
    committer: Mutex<Committer>,
    /// The number of the last change that is durable.
    durable: AtomicU64,
    /// The server that uses the store.
    pub(crate) in_use: Mutex<Weak<()>>,
    /// The state in which it was found.
    opened: Opened,
}

/// The facts and the mark, which the thread that commits writes.
pub(crate) struct Committer {
    /// The facts, as of the last commit.
    pub(crate) facts: Facts,
    /// The mark beside the file.
    mark: Option<Mark>,
}

impl Committer {
    /// Writes changes and the facts, and then the mark: it must not count a commit that is not durable.
    fn write(
        &mut self,
        backend: &dyn Backend,
        changes: &Changes,
        facts: Vec<u8>,
    ) -> Result<(), BackendError> {
        let mut changes = changes.clone();
        changes.insert((Space::Facts, FACTS.to_vec()), Some(facts));
        backend.commit(&changes)?;
        match &mut self.mark {
            Some(mark) => Ok(mark.note(self.facts.commits)?),
            None => Ok(()),
        }
    }
}

impl Store {
    /// Opens the store in a folder, which is made if it is not there. The folder is locked until the last clone is dropped.
    ///
    /// # Errors
    /// Returns an error if another process has the store open, if what is there is not a store, or if it cannot be read or written.
    pub fn open(folder: impl AsRef<Path>) -> Result<Store, StoreError> {
        let folder = folder.as_ref();
        let cannot =
            |source: std::io::Error| StoreError::Open { path: folder.to_owned(), source: source.into() };
        fs::create_dir_all(folder).map_err(cannot)?;
        let (file, at) = (folder.join(FILE), folder.join(MARK));
        let backend = RedbBackend::open(&file)?;
        let inode = mark::inode(&fs::metadata(&file).map_err(cannot)?);
        let seen = mark::read(&at).map_err(cannot)?;
        let is_same = |facts: &Facts| seen.is_some_and(|seen| seen.is_of(facts.id, facts.commits, inode));
        let mut store = Store::prepare(Box::new(backend), is_same)?;
        let shared =
            Arc::get_mut(&mut store.shared).ok_or_else(|| StoreError::Failed("shared".to_owned()))?;
        let committer = shared.committer.get_mut().unwrap_or_else(PoisonError::into_inner);
        committer.mark =
            Some(Mark::make(&at, committer.facts.id, committer.facts.commits, inode).map_err(cannot)?);
        Ok(store)
    }

    /// Opens what is in another backend. An older copy of it is not told from it.
    ///
    /// # Errors
    /// Returns an error if the contents are not those of a store, or cannot be read or written.
    pub fn with_backend(backend: impl Backend) -> Result<Store, StoreError> {
        Store::prepare(Box::new(backend), |_| true)
    }

    /// Reads the facts, and writes new ones if the store is new or a copy.
    fn prepare(backend: Box<dyn Backend>, is_same: impl FnOnce(&Facts) -> bool) -> Result<Store, StoreError> {
        let found = backend.get(Space::Facts, FACTS).map_err(StoreError::Read)?;
        let found = found.map(|bytes| rows::facts(&bytes)).transpose().map_err(StoreError::Read)?;
        if backend.get(Space::Facts, journal_rows::FACTS).map_err(StoreError::Read)?.is_some() {
            return Err(StoreError::Kind("journal", "store"));
        }
        let (opened, facts) = match found {
            Some(facts) if facts.format != FORMAT => return Err(StoreError::Format(facts.format)),
            Some(facts) if is_same(&facts) => (Opened::Same, facts),
            found => {
                let (id, incarnation) = (random()?, random()?);
                let (opened, commits) =
                    found.map_or((Opened::New, 0), |facts| (Opened::Copied, facts.commits));
                let facts = Facts { format: FORMAT, id, incarnation, commits: commits + 1, loops: 0 };
                let mut changes = without_sessions(&*backend).map_err(StoreError::Read)?;
                let row = rows::encode(&facts).map_err(StoreError::Write)?;
                changes.insert((Space::Facts, FACTS.to_vec()), Some(row));
                backend.commit(&changes).map_err(StoreError::Write)?;
                (opened, facts)
            }
        };
        let shared = Shared {
            backend,
            pending: Mutex::default(),
            turn: Condvar::new(),
            committer: Mutex::new(Committer { facts, mark: None }),
            durable: AtomicU64::new(0),
            in_use: Mutex::default(),
            opened,
        };
        Ok(Store { shared: Arc::new(shared) })
    }

    /// Returns what was found when the store was opened.
    pub fn opened(&self) -> Opened {
        self.shared.opened
    }

    /// Ends all sessions, so that their clients are told: for a store of a file system that was set back to an earlier state.
    /// It must be called before the server is bound.
    ///
    /// # Errors
    /// Returns an error if a server uses the store, or it cannot be written.
    pub fn forget_sessions(&self) -> Result<(), StoreError> {
        if self.shared.in_use.lock().unwrap_or_else(PoisonError::into_inner).strong_count() > 0 {
            return Err(StoreError::Served);
        }
        self.shared.forget_sessions()
    }

    /// Returns the transaction of the call that runs on this thread. All transactions of one call are the same.
    ///
    /// # Panics
    /// Panics if no call with a transaction runs on this thread: its method is idempotent, its server was not built with this store,
    /// or this is not the thread of the handler. An idempotent method reads with [`Store::get`] and [`Store::range`], and writes
    /// nothing.
    pub fn transaction(&self) -> Transaction<'_> {
        Transaction::new(&self.shared)
    }

    /// Returns the value of a key, as the transactions that have ended have left it.
    ///
    /// # Panics
    /// Panics if the store cannot be read. Its server ends then.
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.shared.get(key, None)
    }

    /// Gives the pairs from `from` on to `each`, in order, until it breaks: all as the transactions that have ended have left
    /// them. It must not use the store.
    ///
    /// # Panics
    /// Panics if the store cannot be read. Its server ends then.
    pub fn range(&self, from: Bound<&[u8]>, each: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>) {
        self.shared.range(from, None, each);
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({:?})", self.shared.opened)
    }
}

impl Shared {
    /// Locks what is not in the backend. No code of a user runs under the lock but a closure that reads, and each change is whole.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes all changes durable that were made before.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        self.commit_with(|_, _| {})
    }

    /// The same, with more changes. Threads that come meanwhile wait, and share the next commit.
    pub(crate) fn commit_with(&self, add: impl FnOnce(&mut Facts, &mut Changes)) -> Result<(), StoreError> {
        let last = self.lock().last;
        if self.durable.load(Ordering::Acquire) >= last {
            return Ok(());
        }
        // Poisoned: the backend has panicked, and what it has written is not known.
        let committer = self.committer.lock();
        let mut committer = committer.map_err(|_| StoreError::Failed("a commit has panicked".to_owned()))?;
        let mut pending = self.lock();
        if let Some(text) = &pending.failed {
            return Err(StoreError::Failed(text.clone()));
        }
        if self.durable.load(Ordering::Acquire) >= last {
            return Ok(()); // by the thread that this one has waited for
        }
        let last = pending.last;
        let mut changes = std::mem::take(&mut pending.batch);
        let facts = &mut committer.facts;
        facts.commits += 1;
        add(facts, &mut changes);
        let row = rows::encode(facts);
        let changes = Arc::new(changes);
        pending.committing = Arc::clone(&changes);
        drop(pending);
        let written = row.and_then(|row| committer.write(&*self.backend, &changes, row));
        let mut pending = self.lock();
        if let Err(error) = written {
            // Never tried again: after a failed sync the kernel may say that all is well, and it is not.
            pending.failed = Some(error.to_string());
            return Err(StoreError::Write(error));
        }
        pending.committing = Arc::default();
        self.durable.store(last, Ordering::Release);
        Ok(())
    }

    /// Ends all sessions. The store has another incarnation from then on.
    pub(crate) fn forget_sessions(&self) -> Result<(), StoreError> {
        let forgotten = without_sessions(&*self.backend).map_err(StoreError::Read)?;
        let incarnation = random()?;
        let mut pending = self.lock();
        pending.sessions.clear();
        pending.last += 1;
        drop(pending);
        self.commit_with(|facts, changes| {
            facts.incarnation = incarnation;
            changes.extend(forgotten);
        })
    }

    /// Returns the facts.
    pub(crate) fn committer(&self) -> MutexGuard<'_, Committer> {
        self.committer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the store cannot be read. Its server ends at its next commit.
    pub(crate) fn fail(&self, error: &BackendError) -> ! {
        let text = error.to_string();
        let mut pending = self.lock();
        pending.last += 1;
        pending.failed.get_or_insert_with(|| text.clone());
        drop(pending);
        panic!("the store cannot be read: {text}")
    }
}

/// Returns the changes that remove all sessions and records.
fn without_sessions(backend: &dyn Backend) -> Result<Changes, BackendError> {
    let mut changes = Changes::new();
    for space in [Space::Sessions, Space::Records] {
        backend.range(space, Bound::Unbounded, &mut |key, _| {
            changes.insert((space, key.to_vec()), None);
            true
        })?;
    }
    Ok(changes)
}

/// Returns a random number: a name that no other store has.
fn random() -> Result<u128, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Failed(error.to_string()))?;
    Ok(u128::from_le_bytes(bytes))
}
