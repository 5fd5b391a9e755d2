//! Floor 1: values to bytes and back. The only file that names the codec crate.
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a value could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// It is larger than what was agreed.
    #[error("{size} bytes are over the limit of {limit}")]
    TooLarge {
        /// What it takes.
        size: usize,
        /// What was agreed.
        limit: usize,
    },
    /// Its type cannot be encoded, or its `Serialize` failed.
    #[error("{0}")]
    Unsupported(String),
}

/// Why bytes could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct DecodeError(String);

/// Appends `value` to `into`, at most `limit` bytes.
///
/// # Errors
/// When it is too large or cannot be encoded; `into` is then as it was.
pub fn encode<T: Serialize + ?Sized>(value: &T, into: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError> {
    let size = bincode::serialized_size(value).map_err(|e| EncodeError::Unsupported(e.to_string()))? as usize;
    if size > limit {
        return Err(EncodeError::TooLarge { size, limit });
    }
    bincode::serialize_into(into, value).map_err(|e| EncodeError::Unsupported(e.to_string()))
}

/// Reads a value from all of `bytes`.
///
/// # Errors
/// When they are not such a value, nest too deep, or claim too much.
pub fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    bincode::deserialize(bytes).map_err(|e| DecodeError(e.to_string()))
}
