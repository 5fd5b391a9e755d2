//! The rows of a journal as bytes: its facts, the session, slots, and calls that have ended.

use std::time::Duration;

use bytes::Bytes;
use rpc_core::call::Outcome;
use rpc_core::ids::{Incarnation, MethodId, SessionId, Slot};
use rpc_core::proto::client::{RecordedCall, RecordedSession, RecordedUse};
use rpc_core::wire::codec;
use rpc_core::{Metadata, UnknownCause};
use serde::{Deserialize, Serialize};

use crate::backend::BackendError;
use crate::rows::encode;

/// The format of the rows. A journal of another format is not opened.
pub(crate) const FORMAT: u32 = 1;

/// The key of the facts, which no store has.
pub(crate) const FACTS: &[u8] = b"journal";
/// The key of the session, which is one row.
pub(crate) const SESSION: &[u8] = b"session";

/// The key of a call's metadata under which the application's own key is.
pub(crate) const KEY: &str = "journal-key";

#[derive(Serialize, Deserialize)]
struct SessionRow {
    id: u128,
    token: [u8; 32],
    incarnation: u128,
    slots: u16,
    max_frame: u32,
    features: u32,
    hello: Vec<u8>,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallRow {
    /// The id of the method.
    pub(crate) method: u64,
    /// Its name.
    pub(crate) name: String,
    /// The arguments, with the metadata behind them.
    pub(crate) body: Vec<u8>,
    /// The number of bytes of metadata.
    pub(crate) metadata: u32,
    /// The time that the caller waits, in milliseconds.
    pub(crate) within: u64,
}

/// The state of a slot's last call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// It has ended. True if a reply has arrived.
    Ended(bool),
    /// Its answer is of no interest: it was given up, or its method is idempotent.
    Unwanted,
    /// It is under way. True if its answer is kept until the application is done with it.
    UnderWay(CallRow, bool),
}

/// A slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotRow {
    /// The number of its last call.
    pub(crate) seq: u64,
    /// The state of that call.
    pub(crate) phase: Phase,
}

/// An outcome. Calls that did not run have none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OutcomeRow {
    /// The bytes of its value.
    Done(Vec<u8>),
    /// The bytes of its error.
    Failed(Vec<u8>),
    /// The text of its panic.
    Panicked(String),
    /// The text of its handler.
    GivenUp(String),
    /// The reason for which the reply is lost.
    ReplyLost(String),
    /// The session was lost before its reply arrived.
    Unknown,
}

/// A call that has ended, and that the application is not done with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EndedRow {
    /// The call.
    pub(crate) call: CallRow,
    /// Its outcome.
    pub(crate) outcome: OutcomeRow,
}

impl CallRow {
    /// Returns the application's key, if the call has one.
    pub(crate) fn key(&self) -> Option<String> {
        let (_, metadata) = (self.metadata > 0).then(|| Metadata::split(&self.body)).flatten()?;
        metadata.get(KEY).map(str::to_owned)
    }

    fn recorded(self) -> RecordedCall {
        RecordedCall {
            method: MethodId(self.method),
            name: self.name,
            metadata: (self.metadata as usize).min(self.body.len()),
            body: self.body,
            within: if self.within == u64::MAX { Duration::MAX } else { Duration::from_millis(self.within) },
        }
    }
}

impl SlotRow {
    /// Returns the use of the slot.
    pub(crate) fn recorded(self) -> RecordedUse {
        match self.phase {
            Phase::Ended(replied) => RecordedUse::Ended(replied),
            Phase::Unwanted => RecordedUse::GivenUp,
            Phase::UnderWay(call, _) => RecordedUse::UnderWay(call.recorded()),
        }
    }
}

impl EndedRow {
    /// Returns the call and its outcome.
    pub(crate) fn recorded(self) -> (RecordedCall, Outcome) {
        let outcome = match self.outcome {
            OutcomeRow::Done(bytes) => Outcome::Done(Bytes::from(bytes)),
            OutcomeRow::Failed(bytes) => Outcome::Failed(Bytes::from(bytes)),
            OutcomeRow::Panicked(text) => Outcome::Panicked(text),
            OutcomeRow::GivenUp(text) => Outcome::GivenUp(text),
            OutcomeRow::ReplyLost(text) => Outcome::ReplyLost(text),
            OutcomeRow::Unknown => Outcome::Unknown(UnknownCause::SessionLost),
        };
        (self.call.recorded(), outcome)
    }
}

/// Returns the outcome of a call that ran; `None` if it did not.
pub(crate) fn outcome(outcome: &Outcome) -> Option<OutcomeRow> {
    Some(match outcome {
        Outcome::Done(bytes) => OutcomeRow::Done(bytes.to_vec()),
        Outcome::Failed(bytes) => OutcomeRow::Failed(bytes.to_vec()),
        Outcome::Panicked(text) => OutcomeRow::Panicked(text.clone()),
        Outcome::GivenUp(text) => OutcomeRow::GivenUp(text.clone()),
        Outcome::ReplyLost(text) => OutcomeRow::ReplyLost(text.clone()),
        Outcome::Unknown(_) => OutcomeRow::Unknown,
        Outcome::NotExecuted(..) => return None,
    })
}

/// Returns the bytes of a session.
pub(crate) fn of_session(session: &RecordedSession) -> Result<Vec<u8>, BackendError> {
    encode(&SessionRow {
        id: session.id.0,
        token: session.token,
        incarnation: session.incarnation.0,
        slots: session.slots,
        max_frame: session.max_frame,
        features: session.features,
        hello: session.hello.clone(),
    })
}

/// Returns a session.
pub(crate) fn session(bytes: &[u8]) -> Result<RecordedSession, BackendError> {
    let SessionRow { id, token, incarnation, slots, max_frame, features, hello } = codec::decode(bytes)?;
    let (id, incarnation) = (SessionId(id), Incarnation(incarnation));
    Ok(RecordedSession { id, token, incarnation, slots, max_frame, features, hello })
}

/// Returns the key of a slot.
pub(crate) fn slot_key(slot: Slot) -> Vec<u8> {
    slot.to_be_bytes().to_vec()
}

/// Returns the slot of a pair.
pub(crate) fn slot(key: &[u8], bytes: &[u8]) -> Result<(Slot, SlotRow), BackendError> {
    Ok((Slot::from_be_bytes(key.try_into()?), codec::decode(bytes)?))
}

/// Returns the key of a call that has ended.
pub(crate) fn ended_key(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// Returns the call of a pair, with its number.
pub(crate) fn ended(key: &[u8], bytes: &[u8]) -> Result<(u64, EndedRow), BackendError> {
    Ok((u64::from_be_bytes(key.try_into()?), codec::decode(bytes)?))
}
