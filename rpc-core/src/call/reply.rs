//! Floor 3: from the bytes of a reply to what the caller gets: one level of `Result`, never two.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{CallError, Never, Place};
use crate::proto::Outcome;
use crate::wire::codec::{self, DecodeError, EncodeError};

/// A value that a method returns, with the way it travels.
pub trait Returned: 'static {
    /// What the caller gets.
    type Value;
    /// Appends the value; bounded by `limit` bytes.
    ///
    /// # Errors
    /// When it is too large, or its `Serialize` cannot be encoded. Nothing is appended then.
    fn encode(value: &Self::Value, into: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError>;
    /// Reads the value back from all of `bytes`.
    ///
    /// # Errors
    /// When the bytes are not such a value.
    fn decode(bytes: &[u8]) -> Result<Self::Value, DecodeError>;
}

impl<T: Serialize + DeserializeOwned + 'static> Returned for T {
    type Value = T;
    fn encode(value: &T, into: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError> {
        codec::encode(value, into, limit)
    }
    fn decode(bytes: &[u8]) -> Result<T, DecodeError> {
        codec::decode(bytes)
    }
}

/// Stands for a return type spelled `Vec<u8>`: it travels as bytes, with the same encoding and without a step per byte.
#[derive(Debug)]
pub enum Blob {}

impl Returned for Blob {
    type Value = Vec<u8>;
    fn encode(value: &Vec<u8>, into: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError> {
        codec::encode(serde_bytes::Bytes::new(value), into, limit)
    }
    fn decode(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
        codec::decode::<serde_bytes::ByteBuf>(bytes).map(serde_bytes::ByteBuf::into_vec)
    }
}

/// Stands for a return type spelled `Option<Vec<u8>>`: what is there travels as bytes.
#[derive(Debug)]
pub enum MaybeBlob {}

impl Returned for MaybeBlob {
    type Value = Option<Vec<u8>>;
    fn encode(value: &Option<Vec<u8>>, into: &mut Vec<u8>, limit: usize) -> Result<(), EncodeError> {
        codec::encode(&value.as_deref().map(serde_bytes::Bytes::new), into, limit)
    }
    fn decode(bytes: &[u8]) -> Result<Option<Vec<u8>>, DecodeError> {
        codec::decode::<Option<serde_bytes::ByteBuf>>(bytes).map(|value| value.map(|bytes| bytes.into_vec()))
    }
}

/// How the outcome of a call becomes what its caller gets.
pub trait Reply: 'static {
    /// `Result<T, CallError>` or `Result<T, CallError<E>>`.
    type Output;
    /// Decodes the outcome. `place` is asked only when there is an error to be told.
    fn output(outcome: Outcome, place: impl FnOnce() -> Place) -> Self::Output;
}

/// The reply of a method that returns `T`.
#[derive(Debug)]
pub struct Plain<T>(PhantomData<fn() -> T>);

impl<T: Returned> Reply for Plain<T> {
    type Output = Result<T::Value, CallError>;
    fn output(outcome: Outcome, place: impl FnOnce() -> Place) -> Self::Output {
        match outcome {
            Outcome::Done(bytes) => {
                T::decode(&bytes).map_err(|error| CallError::undecodable(place(), &error))
            }
            other => Err(CallError::<Never>::from_outcome(other, place(), |_| None)),
        }
    }
}

/// The reply of a method that returns `Result<T, E>`.
#[derive(Debug)]
pub struct Fallible<T, E>(PhantomData<fn() -> (T, E)>);

impl<T: Returned, E: DeserializeOwned + 'static> Reply for Fallible<T, E> {
    type Output = Result<T::Value, CallError<E>>;
    fn output(outcome: Outcome, place: impl FnOnce() -> Place) -> Self::Output {
        match outcome {
            Outcome::Done(bytes) => {
                T::decode(&bytes).map_err(|error| CallError::undecodable(place(), &error))
            }
            other => Err(CallError::from_outcome(other, place(), |bytes| Some(codec::decode(bytes)))),
        }
    }
}
