//! The rows of a store as bytes: facts, sessions and records.

use rpc_core::Status;
use rpc_core::ids::{MethodId, SessionId, Slot};
use rpc_core::proto::server::{StoredRecord, StoredSession};
use rpc_core::wire::codec;
use serde::{Deserialize, Serialize};

use crate::backend::BackendError;

/// The format of the rows. A store of another format is not opened.
pub(crate) const FORMAT: u32 = 1;

/// The key of the facts, which are one row.
pub(crate) const FACTS: &[u8] = b"facts";

/// The facts about a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The format of all rows.
    pub(crate) format: u32,
    /// Names the store; a copy that is used in its place gets another one.
    pub(crate) id: u128,
    /// The incarnation of its servers.
    pub(crate) incarnation: u128,
    /// The number of commits so far.
    pub(crate) commits: u64,
    /// The number of loops of the last server.
    pub(crate) loops: u32,
}

#[derive(Serialize, Deserialize)]
struct SessionRow {
    token: [u8; 32],
    nonce: Option<[u8; 16]>,
    slots: u16,
    features: u32,
    services: Vec<(String, u64)>,
    agreements: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct RecordRow {
    seq: u64,
    fingerprint: u64,
    method: u64,
    status: u8,
    reply: Option<Vec<u8>>,
}

/// Returns the bytes of a row.
pub(crate) fn encode(row: &impl Serialize) -> Result<Vec<u8>, BackendError> {
    let mut bytes = Vec::new();
    codec::encode(row, &mut bytes, usize::MAX)?;
    Ok(bytes)
}

/// Returns the facts of a store.
pub(crate) fn facts(bytes: &[u8]) -> Result<Facts, BackendError> {
    Ok(codec::decode(bytes)?)
}

/// Returns the key of a session.
pub(crate) fn session_key(id: SessionId) -> Vec<u8> {
    id.0.to_be_bytes().to_vec()
}

/// Returns the key of a record. A slot has one: the record of its next call takes its place.
pub(crate) fn record_key(id: SessionId, slot: Slot) -> Vec<u8> {
    let mut key = session_key(id);
    key.extend_from_slice(&slot.to_be_bytes());
    key
}

/// Returns the bytes of a session.
pub(crate) fn of_session(session: &StoredSession) -> Result<Vec<u8>, BackendError> {
    encode(&SessionRow {
        token: session.token,
        nonce: session.nonce,
        slots: session.slots,
        features: session.features,
        services: session.services.clone(),
        agreements: session.agreements.clone(),
    })
}

/// Returns the session of a pair.
pub(crate) fn session(key: &[u8], bytes: &[u8]) -> Result<StoredSession, BackendError> {
    let SessionRow { token, nonce, slots, features, services, agreements } = codec::decode(bytes)?;
    let id = SessionId(u128::from_be_bytes(key.try_into()?));
    Ok(StoredSession { id, token, nonce, slots, features, services, agreements })
}

/// Returns the bytes of a record.
pub(crate) fn of_record(
    seq: u64,
    fingerprint: u64,
    method: MethodId,
    status: Status,
    reply: Option<&[u8]>,
) -> Result<Vec<u8>, BackendError> {
    let (method, status, reply) = (method.0, status.code(), reply.map(<[u8]>::to_vec));
    encode(&RecordRow { seq, fingerprint, method, status, reply })
}

/// Returns the record of a pair, and its session.
pub(crate) fn record(key: &[u8], bytes: &[u8]) -> Result<(SessionId, StoredRecord), BackendError> {
    let (session, slot) = key.split_at_checked(16).ok_or("the key of a record is too short")?;
    let RecordRow { seq, fingerprint, method, status, reply } = codec::decode(bytes)?;
    let record = StoredRecord {
        slot: Slot::from_be_bytes(slot.try_into()?),
        seq,
        fingerprint,
        method: MethodId(method),
        status: Status::from_code(status)?,
        reply,
    };
    Ok((SessionId(u128::from_be_bytes(session.try_into()?)), record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_written() {
        let id = SessionId(0x0102 << 112);
        let written = StoredSession {
            id,
            token: [3; 32],
            nonce: Some([4; 16]),
            slots: 64,
            features: 7,
            services: vec![("Kv".to_owned(), 9)],
            agreements: vec![0],
        };
        let bytes = of_session(&written).expect("a row");
        assert_eq!(session(&session_key(id), &bytes).expect("a row"), written);
        let bytes = of_record(8, 9, MethodId(10), Status::Done, Some(b"reply")).expect("a row");
        let (of, read) = record(&record_key(id, 5), &bytes).expect("a row");
        assert_eq!((of, read.slot, read.seq, read.reply.as_deref()), (id, 5, 8, Some(&b"reply"[..])));
    }

    #[test]
    fn bytes_that_are_no_row_are_an_error_and_no_panic() {
        for length in 0..40 {
            let bytes = vec![0xff; length];
            assert!(session(&bytes, &bytes).is_err() && record(&bytes, &bytes).is_err());
            assert!(facts(&bytes).is_err());
        }
    }
}
