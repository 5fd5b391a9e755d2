//! Layer 3: calls whose records and effects outlive the server: one transaction each, of a store that the server is given.
//!
//! ```text
//! dispatch:  begin --> the handler, which writes to the transaction of its call --> end: record and writes are one
//! the loop:  .. more calls of the turn .. --> commit --> the replies of the turn are written
//! ```
//! A call is known by its record alone: if the server dies before the commit, nothing of it has happened, and its duplicate
//! runs; after it, the duplicate gets the reply of the record (RIFL, SOSP 2015, section 3).

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::contract::Method;
use crate::ids::{CallId, Incarnation};
use crate::proto::server::{HashSecret, ReadyCall, SessionChange, StoredRecord, StoredSession};
use crate::text::debug_is_text;
use crate::wire::message::Status;

/// A store that keeps the sessions of a server, and the records of its calls together with their effects. The package
/// `rpc-store` has one.
///
/// A server calls its functions from all of its threads.
pub trait DurableFilter: Send + Sync + 'static {
    /// Returns the function that hashes tokens. It is the same in every life of the store.
    fn hash(&self) -> HashSecret;

    /// Reads all sessions and records, for a server with this number of loops. The store is in use until the last clone of
    /// [`Restored::in_use`] is dropped.
    ///
    /// # Errors
    /// Returns an error if the store cannot be read, or is in use by another server.
    fn load(&self, loops: usize) -> Result<Restored, DurableError>;

    /// Notes that a session was opened, or has ended: a part of the next commit.
    fn note(&self, change: SessionChange);

    /// Begins the transaction of a call, once that of every other call has ended.
    fn begin(&self, call: CallId);

    /// Ends the transaction of a call: its record, and its writes if its status lets them stand, are a part of the next commit.
    fn end(&self, call: CallId, record: FinishedCall<'_>);

    /// Makes all that was noted and ended durable. Until it returns, no reply to any of it is sent.
    ///
    /// # Errors
    /// Returns an error if the store could not be written: what it has is not known, so it must be of no use from then on, and
    /// the server ends.
    fn commit(&self) -> Result<(), DurableError>;
}

/// The contents of a store, for a server that starts.
#[derive(Debug)]
pub struct Restored {
    /// The name of the server's lives for as long as the store stays the same; another one if it may be an older copy.
    pub incarnation: Incarnation,
    /// The sessions, each with its records.
    pub sessions: Vec<(StoredSession, Vec<StoredRecord>)>,
    /// The store is in use while there is a clone of this.
    pub in_use: Arc<()>,
}

/// A call that has ended, as its store is told of it.
#[derive(Clone, Copy, Debug)]
pub struct FinishedCall<'a> {
    /// The method.
    pub method: &'static Method,
    /// Tells the call from another one with the same number.
    pub fingerprint: u64,
    /// The status of its reply. The call did not run if it is `Refused`.
    pub status: Status,
    /// The body of its reply; `None` if it is too long to be kept.
    pub reply: Option<&'a [u8]>,
}

/// The error of a store.
///
/// ```
/// use rpc_core::{DurableError, ServeError};
///
/// /// Returns the error of the store, if that is why a server did not start, or has ended.
/// fn of_store(error: &ServeError) -> Option<&DurableError> {
///     match error {
///         ServeError::Durable(error) => Some(error),
///         _ => None,
///     }
/// }
/// ```
pub struct DurableError(pub Box<dyn Error + Send + Sync>);

impl fmt::Display for DurableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

debug_is_text!(DurableError);

impl Error for DurableError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// The store of a server, as the threads see it that run its calls.
#[doc(hidden)] // for the drivers of a server: `net`, and the simulator
#[derive(Clone)]
pub struct DurableCalls {
    /// The store.
    pub filter: Arc<dyn DurableFilter>,
    /// The longest reply that is kept of a method without a limit of its own.
    pub max_reply: usize,
    /// Held for as long as calls of this server may run.
    pub in_use: Arc<()>,
}

impl fmt::Debug for DurableCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DurableCalls")
    }
}

impl DurableCalls {
    /// Runs a call as one transaction. `run` enters the handler, and contains its panics.
    pub(super) fn run(
        &self,
        call: &ReadyCall,
        reply: &mut Vec<u8>,
        run: impl FnOnce(&mut Vec<u8>) -> Option<Status>,
    ) -> Option<Status> {
        self.filter.begin(call.call);
        let status = run(reply);
        let method = call.entry.method;
        let longest = method.max_cached_reply.unwrap_or(self.max_reply);
        let ended = FinishedCall {
            method,
            fingerprint: call.fingerprint,
            status: status.unwrap_or(Status::GivenUp), // not reached: a method that replies later has no transaction
            reply: Some(&reply[..]).filter(|reply| reply.len() <= longest),
        };
        self.filter.end(call.call, ended);
        status
    }
}

/// Returns true if the calls of this method are transactions. Those that may be repeated have no record, durable or not.
pub(super) fn has_transaction(method: &Method) -> bool {
    !method.idempotent
}
