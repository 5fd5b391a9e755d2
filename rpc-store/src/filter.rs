//! The store as the duplicate filter of a server: sessions and records in, one commit for all that ended before it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError};
use std::thread;

use rpc_core::ids::SessionId;
use rpc_core::proto::server::{HashSecret, SessionChange, StoredRecord, StoredSession};
use rpc_core::service::{FinishedCall, Restored};
use rpc_core::{CallId, DurableError, DurableFilter, Incarnation, Status};
use sha2::{Digest, Sha256};

use crate::backend::{BackendError, Space};
use crate::error::StoreError;
use crate::pending::{Current, Pending, Writes};
use crate::rows;
use crate::store::{Shared, Store};

impl DurableFilter for Store {
    fn hash(&self) -> HashSecret {
        |secret| Sha256::digest(secret).into()
    }

    fn load(&self, loops: usize) -> Result<Restored, DurableError> {
        self.shared.load(loops).map_err(durable)
    }

    fn note(&self, change: SessionChange) {
        let mut pending = self.shared.lock();
        let noted = match change {
            SessionChange::Opened(session) => opened(&mut pending, &session),
            SessionChange::Ended(id) => {
                ended(&mut pending, id);
                Ok(())
            }
        };
        note_error(&mut pending, noted);
    }

    fn begin(&self, call: CallId) {
        let mut pending = self.shared.lock();
        while pending.current.is_some() {
            pending = self.shared.turn.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
        pending.current = Some(Current { call, thread: thread::current().id(), writes: Writes::new() });
    }

    fn end(&self, call: CallId, record: FinishedCall<'_>) {
        let mut pending = self.shared.lock();
        let Some(current) = pending.current.take() else { return }; // `begin` has set it
        debug_assert_eq!(current.call, call, "the transaction that ends is the one that runs");
        let noted = keep(&mut pending, call, current.writes, &record);
        note_error(&mut pending, noted);
        drop(pending);
        self.shared.turn.notify_one();
    }

    fn commit(&self) -> Result<(), DurableError> {
        self.shared.commit().map_err(durable)
    }
}

/// Adds a call that has ended to the next commit: its record, and its writes if they stand.
fn keep(
    pending: &mut Pending,
    call: CallId,
    writes: Writes,
    ended: &FinishedCall<'_>,
) -> Result<(), BackendError> {
    if !ended.status.ran() {
        return Ok(()); // the handler was not entered
    }
    // A reply that is lost has a call that ran to its end; an error, a panic and giving up leave nothing behind.
    if matches!(ended.status, Status::Done | Status::ReplyLost) {
        for (key, value) in writes {
            pending.change(Space::Data, key, value);
        }
    }
    // None if the session has ended meanwhile: nothing asks for the record of this call any more.
    let Some(slots) = pending.sessions.get_mut(&call.session) else { return Ok(()) };
    slots.insert(call.slot);
    let row = rows::of_record(call.seq, ended.fingerprint, ended.method.id, ended.status, ended.reply)?;
    pending.change(Space::Records, rows::record_key(call.session, call.slot), Some(row));
    Ok(())
}

/// Adds a new session to the next commit.
fn opened(pending: &mut Pending, session: &StoredSession) -> Result<(), BackendError> {
    let row = rows::of_session(session)?;
    pending.sessions.entry(session.id).or_default();
    pending.change(Space::Sessions, rows::session_key(session.id), Some(row));
    Ok(())
}

/// Adds the end of a session to the next commit, and the end of its records.
fn ended(pending: &mut Pending, id: SessionId) {
    let Some(slots) = pending.sessions.remove(&id) else { return };
    for slot in slots {
        pending.change(Space::Records, rows::record_key(id, slot), None);
    }
    pending.change(Space::Sessions, rows::session_key(id), None);
}

/// Makes the next commit fail if a row could not be made.
fn note_error(pending: &mut Pending, noted: Result<(), BackendError>) {
    if let Err(error) = noted {
        pending.last += 1;
        pending.failed.get_or_insert_with(|| error.to_string());
    }
}

/// Returns the error as a server takes it.
fn durable(error: StoreError) -> DurableError {
    DurableError(Box::new(error))
}

impl Shared {
    /// Reads the sessions and their records.
    fn load(&self, loops: usize) -> Result<Restored, StoreError> {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if in_use.strong_count() > 0 {
            return Err(StoreError::Served);
        }
        self.commit()?; // what the last server of this process has noted at its end
        let before = self.committer().facts.loops;
        let loops = u32::try_from(loops).unwrap_or(u32::MAX);
        if before != loops {
            // A session belongs to a loop by its name, so it is of no use to a server with other loops.
            if before > 0 {
                self.forget_sessions()?;
            }
            self.lock().last += 1;
            self.commit_with(|facts, _| facts.loops = loops)?;
        }
        let sessions = self.sessions().map_err(StoreError::Read)?;
        let mut pending = self.lock();
        pending.sessions.clear();
        for (session, records) in &sessions {
            let slots = records.iter().map(|record| record.slot).collect();
            pending.sessions.insert(session.id, slots);
        }
        drop(pending);
        let held = Arc::new(());
        *in_use = Arc::downgrade(&held);
        let incarnation = Incarnation(self.committer().facts.incarnation);
        Ok(Restored { incarnation, sessions, in_use: held })
    }

    /// Returns all sessions of the backend with their records.
    fn sessions(&self) -> Result<Vec<(StoredSession, Vec<StoredRecord>)>, BackendError> {
        let mut records: BTreeMap<SessionId, Vec<StoredRecord>> = BTreeMap::new();
        let mut failed = None;
        self.backend.range(Space::Records, Bound::Unbounded, &mut |key, bytes| {
            match rows::record(key, bytes) {
                Ok((session, record)) => records.entry(session).or_default().push(record),
                Err(error) => failed = Some(error),
            }
            failed.is_none()
        })?;
        let mut sessions = Vec::new();
        self.backend.range(Space::Sessions, Bound::Unbounded, &mut |key, bytes| {
            match rows::session(key, bytes) {
                Ok(session) => {
                    let of_session = records.remove(&session.id).unwrap_or_default();
                    sessions.push((session, of_session));
                }
                Err(error) => failed = Some(error),
            }
            failed.is_none()
        })?;
        failed.map_or(Ok(sessions), Err)
    }
}
