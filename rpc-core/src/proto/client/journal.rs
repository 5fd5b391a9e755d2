//! Layer 2: the journal of a client: what outlives its process, and the trait of what keeps it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Tag;
use crate::contract::Method;
use crate::ids::{Incarnation, MethodId, Seq, SessionId, Slot};
use crate::proto::{Outcome, Request};

/// Keeps the session of a client, and its calls under way, for the process that comes after this one. The package `rpc-store`
/// has one.
///
/// ```
/// use rpc_core::{Client, ClientJournal, ConnectError, Connector};
///
/// /// Connects a client that goes on where the process before this one has ended.
/// fn connect<C: Client>(address: &str, journal: impl ClientJournal) -> Result<C, ConnectError> {
///     Connector::new().journal(journal).connect(address)
/// }
/// ```
pub trait ClientJournal: Send + Sync + fmt::Debug + 'static {
    /// Returns what the last process has left. The journal is in use until the last clone of [`Recorded::in_use`] is dropped.
    ///
    /// # Errors
    /// Returns an error if it cannot be read, or is in use by another client.
    fn load(&self) -> Result<Recorded, JournalError>;

    /// Notes an entry: a part of the next commit.
    fn note(&self, entry: JournalEntry<'_>);

    /// Makes all that was noted durable. Until it returns, nothing is sent that depends on it.
    ///
    /// # Errors
    /// Returns an error if it could not be written. The client is closed then.
    fn commit(&self) -> Result<(), JournalError>;
}

/// The error of a journal.
///
/// ```
/// use rpc_core::{ConnectError, JournalError};
///
/// /// Returns the error of the journal, if that is why a client did not connect.
/// fn of_journal(error: &ConnectError) -> Option<&JournalError> {
///     match error {
///         ConnectError::Journal(error) => Some(error),
///         _ => None,
///     }
/// }
/// ```
#[derive(Debug)]
pub struct JournalError(pub Box<dyn Error + Send + Sync>);

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for JournalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// An entry of a journal.
#[derive(Clone, Copy, Debug)]
pub enum JournalEntry<'a> {
    /// Another session: the slots begin anew.
    Session(&'a RecordedSession),
    /// A call that is about to be sent. What the slot had before is over.
    Call {
        /// The slot.
        slot: Slot,
        /// The number of the call.
        seq: Seq,
        /// The method.
        method: &'static Method,
        /// The arguments, with the metadata behind them.
        body: &'a [u8],
        /// The number of bytes at the end of `body` that are metadata.
        metadata: usize,
        /// The time for which its caller still waits at most.
        within: Duration,
    },
    /// The caller has given the slot's call up.
    GivenUp(Slot),
    /// The slot's call has ended.
    Ended {
        /// The slot.
        slot: Slot,
        /// True if a reply to it has arrived.
        replied: bool,
        /// The outcome, if it has run.
        outcome: Option<&'a Outcome>,
    },
    /// The session is over. Of the calls that have not ended it stays unknown if they ran.
    Over,
}

/// A session in a journal.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordedSession {
    /// Its name.
    pub id: SessionId,
    /// The secret that resumes it.
    pub token: [u8; 32],
    /// The life of the server that opened it.
    pub incarnation: Incarnation,
    /// The number of its slots.
    pub slots: u16,
    /// The longest body that the server accepts, in bytes.
    pub max_frame: u32,
    /// The feature bits that were agreed on.
    pub features: u32,
    /// The HELLO of the client without names and secrets. A client with another one opens another session.
    pub hello: Vec<u8>,
}

/// Without the secret.
impl fmt::Debug for RecordedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordedSession({:?})", self.id)
    }
}

/// The contents of a journal, for a client that starts.
#[derive(Debug)]
pub struct Recorded {
    /// The session that was not over.
    pub session: Option<RecordedSession>,
    /// The slots that were used in it, each once.
    pub slots: Vec<(Slot, Seq, RecordedUse)>,
    /// Calls that have ended, and that the application wants to hear of.
    pub ended: Vec<(RecordedCall, Outcome)>,
    /// The journal is in use while there is a clone of this.
    pub in_use: Arc<()>,
}

/// The use of a slot in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordedUse {
    /// Its call has ended. True if a reply to it has arrived.
    Ended(bool),
    /// Its call was given up.
    GivenUp,
    /// Its call is under way.
    UnderWay(RecordedCall),
}

/// A call in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedCall {
    /// The id of the method.
    pub method: MethodId,
    /// The name of the method, with that of its service.
    pub name: String,
    /// The arguments, with the metadata behind them.
    pub body: Vec<u8>,
    /// The number of bytes at the end of `body` that are metadata.
    pub metadata: usize,
    /// The time that its caller waited at most.
    pub within: Duration,
}

/// A slot of a session that goes on.
#[derive(Debug)]
pub enum RestoredUse {
    /// Its call has ended. True if a reply to it has arrived.
    Ended(bool),
    /// Its call was given up.
    GivenUp,
    /// Its call is under way, under this name.
    UnderWay(Tag, Request),
}
