//! The journal of a client: its session and its calls under way, in one file, for the process that comes after this one.
//!
//! ```text
//! call --> the slot's row: under way --commit--> sent --> reply --> the slot's row: ended
//!                                                             '---> with a key: a row of its own, until `done`
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rpc_core::ids::Slot;
use rpc_core::proto::client::{JournalEntry, Recorded, RecordedSession};
use rpc_core::wire::codec;
use rpc_core::{ClientJournal, JournalError, Metadata, MetadataError, RecoveredCall};

use crate::backend::{Backend, BackendError, Changes, Space};
use crate::error::StoreError;
use crate::journal_rows::{
    self as rows, CallRow, EndedRow, FACTS, FORMAT, OutcomeRow, Phase, SESSION, SlotRow,
};
use crate::redb_file::RedbBackend;
use crate::rows::encode;

/// The most answers that a journal keeps for its application. More mean that it never calls [`Journal::done`], and the file would
/// grow for ever.
pub const MOST_KEPT: usize = 100_000;

/// A client's journal. Its clones are the same journal.
///
/// ```no_run
/// use rpc_core::{CallError, Connector, rpc};
/// use rpc_store::Journal;
///
/// #[rpc]
/// pub trait Bank {
///     /// Pays an order, and returns the number of the receipt.
///     fn pay(&self, order: u64) -> u64;
/// }
///
/// # fn unpaid() -> Vec<u64> { Vec::new() }
/// # fn note_paid(_order: u64, _receipt: u64) {}
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let journal = Journal::open("orders.journal")?;
/// let bank: BankClient = Connector::new().journal(journal.clone()).connect("127.0.0.1:4000")?;
/// for call in bank.call.recovered() {
///     // The process before this one has made these. None of them runs a second time.
///     let Some((order,)) = call.arguments::<(u64,)>() else { continue };
///     note_paid(order, call.into_pending::<u64, rpc_core::Never>().wait()?);
///     journal.done(&order.to_string());
/// }
/// for order in unpaid() {
///     let key = order.to_string();
///     note_paid(order, bank.call.with_metadata(Journal::keyed(&key)?).pay(order)?);
///     journal.done(&key); // the answer is in the journal until here
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Journal(Arc<Shared>);

/// The state that the clones of a journal share.
struct Shared {
    /// The bytes.
    backend: Box<dyn Backend>,
    /// The contents, with what is not in the backend yet.
    state: Mutex<State>,
}

/// The contents of a journal.
///
/// Invariant: the backend has all of it but the changes in `batch`.
#[derive(Default)]
struct State {
    /// The session that is not over.
    session: Option<RecordedSession>,
    /// The slots that were used in it.
    slots: BTreeMap<Slot, SlotRow>,
    /// The calls that have ended and are kept, by their numbers.
    ended: BTreeMap<u64, EndedRow>,
    /// The changes of the next commit.
    batch: Changes,
    /// The text of the error after which the journal is not written.
    failed: Option<String>,
    /// The client that uses the journal.
    in_use: Weak<()>,
}

impl Journal {
    /// Opens a journal, or makes it. The file is locked until the last clone is dropped.
    ///
    /// # Errors
    /// Returns an error if another process has it open, if the file is not a journal, or if it cannot be read or written.
    pub fn open(path: impl AsRef<Path>) -> Result<Journal, StoreError> {
        let backend = RedbBackend::open(path).map_err(|error| match error {
            StoreError::InUse(path) => StoreError::JournalInUse(path),
            error => error,
        })?;
        Journal::with_backend(backend)
    }

    /// Opens what is in another backend.
    ///
    /// # Errors
    /// Returns an error if the contents are not those of a journal, or cannot be read or written.
    pub fn with_backend(backend: impl Backend) -> Result<Journal, StoreError> {
        let mut format = None;
        let mut others = false;
        let each = &mut |key: &[u8], bytes: &[u8]| {
            if key == FACTS {
                format = Some(codec::decode::<u32>(bytes));
            } else {
                others = true;
            }
            true
        };
        backend.range(Space::Facts, Bound::Unbounded, each).map_err(StoreError::Read)?;
        match format.transpose().map_err(|error| StoreError::Read(error.into()))? {
            _ if others => return Err(StoreError::Kind("store", "journal")),
            Some(FORMAT) => {}
            Some(other) => return Err(StoreError::Format(other)),
            None => {
                let row = encode(&FORMAT).map_err(StoreError::Write)?;
                let facts = Changes::from([((Space::Facts, FACTS.to_vec()), Some(row))]);
                backend.commit(&facts).map_err(StoreError::Write)?;
            }
        }
        let state = read(&backend).map_err(StoreError::Read)?;
        Ok(Journal(Arc::new(Shared { backend: Box::new(backend), state: Mutex::new(state) })))
    }

    /// Returns metadata with the application's own key of a call, for
    /// [`with_metadata`](rpc_core::Handle::with_metadata): the answer is kept until [`Journal::done`]. The server sees the key
    /// as the metadata `journal-key`. Calls of idempotent methods are not kept.
    ///
    /// # Errors
    /// Returns an error if the key is too long: about 1,000 bytes.
    pub fn keyed(key: &str) -> Result<Metadata, MetadataError> {
        let mut metadata = Metadata::new();
        metadata.set(rows::KEY, key)?;
        Ok(metadata)
    }

    /// Returns the application's own key of a call.
    pub fn key_of(call: &RecoveredCall) -> Option<String> {
        call.metadata().get(rows::KEY).map(str::to_owned)
    }

    /// Forgets the calls with this key, once the application has noted their answers. It costs no sync: it is durable with the
    /// next call, and when the journal is dropped. If the process dies before, the next one is given them once more.
    pub fn done(&self, key: &str) {
        let mut state = self.0.lock();
        let is_of = |call: &CallRow| call.key().as_deref() == Some(key);
        let ended = state.ended.iter().filter(|(_, row)| is_of(&row.call));
        let ended: Vec<u64> = ended.map(|(number, _)| *number).collect();
        for number in ended {
            state.ended.remove(&number);
            state.batch.insert((Space::Data, rows::ended_key(number)), None);
        }
        let mut slots = std::mem::take(&mut state.slots);
        for (slot, row) in &mut slots {
            if let Phase::UnderWay(call, kept) = &mut row.phase
                && *kept
                && is_of(call)
            {
                *kept = false;
                state.write_slot(*slot, row);
            }
        }
        state.slots = slots;
    }

    /// Returns the number of answers that are kept.
    pub fn kept(&self) -> usize {
        self.0.lock().ended.len()
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Journal")
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.failed.is_none() && !state.batch.is_empty() {
            let _ = self.backend.commit(&state.batch); // else the next process is given once more what is done
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // each change is whole
    }

    fn commit(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        if let Some(text) = &state.failed {
            return Err(StoreError::Failed(text.clone()));
        }
        if state.ended.len() > MOST_KEPT {
            return Err(StoreError::Full(MOST_KEPT));
        }
        let batch = std::mem::take(&mut state.batch);
        let written = self.backend.commit(&batch);
        written.map_err(|error| {
            // Never tried again: after a failed sync the kernel may say that all is well, and it is not.
            state.failed = Some(error.to_string());
            StoreError::Write(error)
        })
    }
}

impl ClientJournal for Journal {
    fn load(&self) -> Result<Recorded, JournalError> {
        let mut state = self.0.lock();
        if state.in_use.strong_count() > 0 {
            return Err(JournalError(Box::new(StoreError::JournalServed)));
        }
        if let Some(text) = &state.failed {
            return Err(JournalError(Box::new(StoreError::Failed(text.clone()))));
        }
        let in_use = Arc::new(());
        state.in_use = Arc::downgrade(&in_use);
        Ok(Recorded {
            session: state.session.clone(),
            slots: state.slots.iter().map(|(slot, row)| (*slot, row.seq, row.clone().recorded())).collect(),
            ended: state.ended.values().map(|row| row.clone().recorded()).collect(),
            in_use,
        })
    }

    fn note(&self, entry: JournalEntry<'_>) {
        let mut state = self.0.lock();
        if let Err(error) = state.note(entry) {
            state.failed.get_or_insert_with(|| error.to_string());
        }
    }

    fn commit(&self) -> Result<(), JournalError> {
        self.0.commit().map_err(|error| JournalError(Box::new(error)))
    }
}

impl State {
    fn note(&mut self, entry: JournalEntry<'_>) -> Result<(), BackendError> {
        match entry {
            JournalEntry::Session(session) => {
                self.end_session();
                self.batch.insert((Space::Sessions, SESSION.to_vec()), Some(rows::of_session(session)?));
                self.session = Some(session.clone());
            }
            JournalEntry::Call { slot, seq, method, body, metadata, within } => {
                let call = CallRow {
                    method: method.id.0,
                    name: method.name.to_owned(),
                    body: body.to_vec(),
                    metadata: u32::try_from(metadata)?,
                    within: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
                };
                let kept = call.key().is_some();
                // The slot is in use, and that is all of an idempotent call that matters: it may be made again.
                let phase = if method.idempotent { Phase::Unwanted } else { Phase::UnderWay(call, kept) };
                self.set_slot(slot, SlotRow { seq, phase });
            }
            JournalEntry::GivenUp(slot) => {
                let Some(row) = self.slots.get(&slot) else { return Ok(()) };
                // The application still asks for a call with a key, by `done` or after a restart.
                if !matches!(row.phase, Phase::UnderWay(_, true)) {
                    self.set_slot(slot, SlotRow { seq: row.seq, phase: Phase::Unwanted });
                }
            }
            JournalEntry::Ended { slot, replied, outcome } => {
                let Some(row) = self.slots.remove(&slot) else { return Ok(()) };
                if let (Phase::UnderWay(call, true), Some(outcome)) =
                    (row.phase, outcome.and_then(rows::outcome))
                {
                    self.keep(EndedRow { call, outcome });
                }
                self.set_slot(slot, SlotRow { seq: row.seq, phase: Phase::Ended(replied) });
            }
            JournalEntry::Over => self.end_session(),
        }
        Ok(())
    }

    /// Ends the session. Calls under way that the application wants to hear of are unknown.
    fn end_session(&mut self) {
        for (slot, row) in std::mem::take(&mut self.slots) {
            self.batch.insert((Space::Records, rows::slot_key(slot)), None);
            if let Phase::UnderWay(call, true) = row.phase {
                self.keep(EndedRow { call, outcome: OutcomeRow::Unknown });
            }
        }
        if self.session.take().is_some() {
            self.batch.insert((Space::Sessions, SESSION.to_vec()), None);
        }
    }

    fn keep(&mut self, row: EndedRow) {
        let number = self.ended.last_key_value().map_or(0, |(last, _)| last + 1);
        match encode(&row) {
            Ok(bytes) => {
                self.batch.insert((Space::Data, rows::ended_key(number)), Some(bytes));
            }
            Err(error) => self.failed = Some(error.to_string()),
        }
        self.ended.insert(number, row);
    }

    fn set_slot(&mut self, slot: Slot, row: SlotRow) {
        self.write_slot(slot, &row);
        self.slots.insert(slot, row);
    }

    fn write_slot(&mut self, slot: Slot, row: &SlotRow) {
        match encode(row) {
            Ok(bytes) => {
                self.batch.insert((Space::Records, rows::slot_key(slot)), Some(bytes));
            }
            Err(error) => self.failed = Some(error.to_string()),
        }
    }
}

/// Reads the contents of a journal.
fn read(backend: &dyn Backend) -> Result<State, BackendError> {
    let mut state = State::default();
    let session = backend.get(Space::Sessions, SESSION)?;
    state.session = session.map(|bytes| rows::session(&bytes)).transpose()?;
    let mut failed = None;
    backend.range(Space::Records, Bound::Unbounded, &mut |key, bytes| {
        match rows::slot(key, bytes) {
            Ok((slot, row)) => drop(state.slots.insert(slot, row)),
            Err(error) => failed = Some(error),
        }
        failed.is_none()
    })?;
    backend.range(Space::Data, Bound::Unbounded, &mut |key, bytes| {
        match rows::ended(key, bytes) {
            Ok((number, row)) => drop(state.ended.insert(number, row)),
            Err(error) => failed = Some(error),
        }
        failed.is_none()
    })?;
    failed.map_or(Ok(state), Err)
}
