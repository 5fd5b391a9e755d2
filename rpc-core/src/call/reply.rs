//! Layer 3: turns the bytes of a reply into the one `Result` that the caller gets.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::channel::{Channel, Ticket};
use super::error::{CallError, CallTarget};
use super::service_error;
use super::unknown::Unknown;
use crate::contract::Method;
use crate::limits::{Bounds, Nesting};
use crate::proto::Outcome;
use crate::wire::codec::{self, DecodeError, EncodeError};

/// A type that a server writes as a reply: any type with serde's `Serialize`, or a marker such as [`Blob`].
pub trait Returned: 'static {
    /// The type that the implementation returns.
    type Value;
    /// Appends the value to `into`, within these bounds.
    ///
    /// # Errors
    /// Returns an error if the value is beyond its bounds or cannot be encoded. Nothing is appended then.
    fn encode(value: &Self::Value, into: &mut Vec<u8>, bounds: Bounds) -> Result<(), EncodeError>;
}

/// A type that a client reads from a reply: any type with serde's `DeserializeOwned`, or a marker such as [`Blob`].
pub trait Received: 'static {
    /// The type that the caller gets.
    type Value: 'static;
    /// Reads the value, which may be nested so deep, from all of `bytes`.
    ///
    /// # Errors
    /// Returns an error if the bytes are not such a value.
    fn decode(bytes: &[u8], nesting: Nesting) -> Result<Self::Value, DecodeError>;
}

impl<T: Serialize + 'static> Returned for T {
    type Value = T;
    fn encode(value: &T, into: &mut Vec<u8>, bounds: Bounds) -> Result<(), EncodeError> {
        codec::encode(value, into, bounds)
    }
}

impl<T: DeserializeOwned + 'static> Received for T {
    type Value = T;
    fn decode(bytes: &[u8], nesting: Nesting) -> Result<T, DecodeError> {
        codec::decode_within(bytes, nesting)
    }
}

/// Marks a return type that is written `Vec<u8>`. It has the same encoding, but is copied in one piece instead of byte
/// by byte.
#[derive(Debug)]
pub enum Blob {}

impl Returned for Blob {
    type Value = Vec<u8>;
    fn encode(value: &Vec<u8>, into: &mut Vec<u8>, bounds: Bounds) -> Result<(), EncodeError> {
        codec::encode(serde_bytes::Bytes::new(value), into, bounds)
    }
}

impl Received for Blob {
    type Value = Vec<u8>;
    fn decode(bytes: &[u8], nesting: Nesting) -> Result<Vec<u8>, DecodeError> {
        codec::decode_within::<serde_bytes::ByteBuf>(bytes, nesting).map(serde_bytes::ByteBuf::into_vec)
    }
}

/// Marks a return type that is written `Option<Vec<u8>>`. The bytes inside are copied as those of [`Blob`] are.
#[derive(Debug)]
pub enum MaybeBlob {}

impl Returned for MaybeBlob {
    type Value = Option<Vec<u8>>;
    fn encode(value: &Option<Vec<u8>>, into: &mut Vec<u8>, bounds: Bounds) -> Result<(), EncodeError> {
        codec::encode(&value.as_deref().map(serde_bytes::Bytes::new), into, bounds)
    }
}

impl Received for MaybeBlob {
    type Value = Option<Vec<u8>>;
    fn decode(bytes: &[u8], nesting: Nesting) -> Result<Option<Vec<u8>>, DecodeError> {
        codec::decode_within::<Option<serde_bytes::ByteBuf>>(bytes, nesting)
            .map(|value| value.map(|bytes| bytes.into_vec()))
    }
}

/// A function that turns the outcome of a call into what its caller gets. Only an error needs the other arguments, to
/// say which call it is about; they are arguments so that a call that succeeds builds no [`CallTarget`].
pub(super) type Reader<T, E> =
    fn(Outcome, &'static Method, &Arc<dyn Channel>, Option<Ticket>, Nesting) -> Result<T, CallError<E>>;

/// Reads the reply of a method that returns `Result<T, E>`, or `T` if `E` is [`Never`](super::Never).
pub(super) fn read<T: Received, E: DeserializeOwned + 'static>(
    outcome: Outcome,
    method: &'static Method,
    channel: &Arc<dyn Channel>,
    ticket: Option<Ticket>,
    nesting: Nesting,
) -> Result<T::Value, CallError<E>> {
    match outcome {
        Outcome::Done(bytes) => T::decode(&bytes, nesting)
            .map_err(|error| CallError::undecodable(CallTarget::new(method, channel), &error)),
        other => Err(read_error::<T, E>(other, method, channel, ticket, nesting)),
    }
}

/// Reads an outcome that is not [`Outcome::Done`].
#[cold]
fn read_error<T: Received, E: DeserializeOwned + 'static>(
    outcome: Outcome,
    method: &'static Method,
    channel: &Arc<dyn Channel>,
    ticket: Option<Ticket>,
    nesting: Nesting,
) -> CallError<E> {
    let target = CallTarget::new(method, channel);
    match outcome {
        Outcome::Failed(bytes) => match codec::decode_within(&bytes, nesting) {
            Ok(error) => {
                service_error::note::<E>(method);
                CallError::Service(error)
            }
            Err(error) => CallError::undecodable(target, &error),
        },
        Outcome::Unknown(cause) => {
            let reader: Reader<T::Value, E> = read::<T, E>;
            CallError::Unknown(Unknown::new(target, cause, ticket, (method, channel), (reader, nesting)))
        }
        verdict => CallError::unread(verdict, target, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Never;

    #[test]
    fn a_blob_has_the_encoding_of_its_bytes() {
        let bytes = vec![1_u8, 2, 3];
        let (mut plain, mut blob, mut maybe) = (Vec::new(), Vec::new(), Vec::new());
        <Vec<u8> as Returned>::encode(&bytes, &mut plain, 64.into()).expect("it fits");
        Blob::encode(&bytes, &mut blob, 64.into()).expect("it fits");
        MaybeBlob::encode(&Some(bytes.clone()), &mut maybe, 64.into()).expect("it fits");
        assert_eq!(plain, blob);
        assert_eq!(<Option<Vec<u8>> as Received>::decode(&maybe, Nesting::DEFAULT), Ok(Some(bytes.clone())));
        assert_eq!(Blob::decode(&plain, Nesting::DEFAULT), Ok(bytes));
    }

    #[test]
    fn a_reply_that_is_longer_than_the_limit_appends_nothing() {
        let mut into = b"kept".to_vec();
        assert!(Blob::encode(&vec![7; 100], &mut into, 64.into()).is_err());
        assert_eq!(into, b"kept");
    }

    #[test]
    fn no_bytes_are_a_never() {
        assert!(<Never as Received>::decode(&[], Nesting::DEFAULT).is_err());
        assert!(<Never as Received>::decode(&[0, 0, 0, 0], Nesting::DEFAULT).is_err());
    }
}
