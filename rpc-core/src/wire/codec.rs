//! Layer 1: values to bytes and back. The only file that names the codec crate.
//!
//! bincode 1.3.3, integers and lengths at their fixed width, little-endian: `docs/wire.md` lists the encoding of each
//! shape, `docs/decisions/0002-codec.md` says why this codec. Everything passes through the guard (`guard.rs`).
use std::io::{self, ErrorKind as Io, Read};

use bincode::{BincodeRead, DefaultOptions, ErrorKind, Options};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::guard::{Budget, Guarded, Tally, Watched};
use crate::limits::{Bounds, Nesting, SPARE_ELEMENTS};
use crate::text::Escaped;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;

/// The reason for which a value could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// It is larger than what was agreed.
    #[error("{size} bytes are over the limit of {limit}")]
    TooLarge {
        /// The length of the encoded value, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// It nests deeper than this.
    #[error("nested too deep: at most {0}")]
    TooDeep(Nesting),
    /// Its sequences and maps have more elements than the reader will take for its size, which happens only when they
    /// take no bytes: `Vec<()>`.
    #[error(
        "too many elements that take no bytes: {elements}, at most {limit} in a value of this size; send their number"
    )]
    TooManyElements {
        /// The number of elements of all of them together.
        elements: usize,
        /// The bytes of the value and [`SPARE_ELEMENTS`].
        limit: usize,
    },
    /// Its type cannot be encoded, or its `Serialize` failed.
    #[error("{0}")]
    Unsupported(String),
}

/// The reason for which bytes could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", Escaped(.0))] // a type may name the bytes that it does not accept
pub struct DecodeError(String);

/// Appends `value` to `into`, within these bounds. What was appended, [`decode_within`] reads back if it allows the same nesting,
/// unless its elements take much more memory than bytes. A number of bytes alone means the usual nesting.
///
/// `value` is serialized twice, first to measure it, so that nothing is appended of what is refused.
///
/// # Errors
/// [`EncodeError`] if the value is too large (with its exact size), nests too deep, has too many elements, or cannot be
/// encoded. `into` is then unchanged.
pub fn encode<T: Serialize + ?Sized>(
    value: &T,
    into: &mut Vec<u8>,
    bounds: impl Into<Bounds>,
) -> Result<(), EncodeError> {
    let Bounds { bytes: limit, nesting } = bounds.into();
    let size = measure(value, nesting)?;
    if size > limit {
        return Err(EncodeError::TooLarge { size, limit });
    }
    let start = into.len();
    into.reserve(size);
    let result = options().serialize_into(&mut *into, value);
    let written = into.len() - start;
    if result.is_err() || written != size {
        into.truncate(start);
        return Err(unsteady(result.err(), size, written));
    }
    Ok(())
}

/// The bytes that `value` takes, if the reader will take it.
fn measure<T: Serialize + ?Sized>(value: &T, nesting: Nesting) -> Result<usize, EncodeError> {
    let tally = Tally::default();
    let size = options().serialized_size(&Watched::new(value, nesting, &tally));
    if tally.too_deep() {
        return Err(EncodeError::TooDeep(nesting));
    }
    let size = size.map_err(|error| EncodeError::Unsupported(explain(*error)))?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let (elements, limit) = (tally.elements(), size.saturating_add(SPARE_ELEMENTS));
    if elements > limit {
        return Err(EncodeError::TooManyElements { elements, limit });
    }
    Ok(size)
}

/// Reads a value that is nested as deep as is usual, as [`decode_within`].
///
/// # Errors
/// See there.
pub fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    decode_within(bytes, Nesting::DEFAULT)
}

/// Reads a value from all of `bytes`, nested as deep as this at most. A `&str` or `&[u8]` in it points into `bytes`.
///
/// Memory is reserved for at most one element per byte, all collections of the value together, and for at most
/// 1 MiB per collection (serde's own bound); strings and byte vectors take what is there.
///
/// # Errors
/// [`DecodeError`] if the bytes are not such a value, if bytes are left over, or if the value nests deeper than
/// `nesting`, claims more elements than it has bytes and [`SPARE_ELEMENTS`], or has elements that take more than
/// [`MEMORY_PER_BYTE`](crate::limits::MEMORY_PER_BYTE) for each byte and [`SPARE_MEMORY`](crate::limits::SPARE_MEMORY).
pub fn decode_within<'de, T: Deserialize<'de>>(bytes: &'de [u8], nesting: Nesting) -> Result<T, DecodeError> {
    let budget = Budget::new(bytes.len(), nesting);
    let mut rest = bytes;
    let mut deserializer = bincode::Deserializer::with_bincode_read(Rest(&mut rest), options());
    match T::deserialize(Guarded::new(&mut deserializer, &budget)) {
        Ok(value) if rest.is_empty() => Ok(value),
        Ok(_) => Err(left_over(rest.len())),
        Err(error) => Err(DecodeError(explain(*error))),
    }
}

fn options() -> impl Options {
    DefaultOptions::new().with_fixint_encoding().with_little_endian()
}

/// The bytes not yet read. bincode's own reader would do, but it does not tell how many are left.
struct Rest<'a, 'de>(&'a mut &'de [u8]);

impl<'de> Rest<'_, 'de> {
    #[inline(always)]
    fn take(&mut self, length: usize) -> bincode::Result<&'de [u8]> {
        match self.0.split_at_checked(length) {
            Some((taken, rest)) => {
                *self.0 = rest;
                Ok(taken)
            }
            None => Err(too_short(length, self.0.len())),
        }
    }
}

impl Read for Rest<'_, '_> {
    #[inline(always)]
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }

    /// Takes all or nothing: were the rest taken on failure, a `Deserialize` that swallows errors would seem to end
    /// where the bytes do.
    #[inline(always)]
    fn read_exact(&mut self, out: &mut [u8]) -> io::Result<()> {
        if out.len() > self.0.len() {
            return Err(Io::UnexpectedEof.into());
        }
        self.0.read_exact(out)
    }
}

impl<'de> BincodeRead<'de> for Rest<'_, 'de> {
    #[inline(always)]
    fn forward_read_str<V: Visitor<'de>>(&mut self, length: usize, visitor: V) -> bincode::Result<V::Value> {
        let text = std::str::from_utf8(self.take(length)?).map_err(ErrorKind::InvalidUtf8Encoding)?;
        visitor.visit_borrowed_str(text)
    }

    #[inline(always)]
    fn get_byte_buffer(&mut self, length: usize) -> bincode::Result<Vec<u8>> {
        self.take(length).map(<[u8]>::to_vec)
    }

    #[inline(always)]
    fn forward_read_bytes<V: Visitor<'de>>(
        &mut self,
        length: usize,
        visitor: V,
    ) -> bincode::Result<V::Value> {
        visitor.visit_borrowed_bytes(self.take(length)?)
    }
}

#[cold]
#[inline(never)]
fn too_short(claimed: usize, left: usize) -> bincode::Error {
    bincode::Error::custom(format_args!("a text or byte string claims {claimed} bytes where {left} are left"))
}

#[cold]
#[inline(never)]
fn left_over(bytes: usize) -> DecodeError {
    DecodeError(format!("bytes left over after the value: {bytes}"))
}

#[cold]
#[inline(never)]
fn unsteady(error: Option<bincode::Error>, measured: usize, written: usize) -> EncodeError {
    EncodeError::Unsupported(match error {
        Some(error) => explain(*error),
        None => format!("its `Serialize` gave {measured} bytes the first time and {written} the second time"),
    })
}

/// The codec's error as a sentence, without its name.
#[cold]
#[inline(never)]
fn explain(error: ErrorKind) -> String {
    match error {
        ErrorKind::Io(error) if error.kind() == Io::UnexpectedEof => {
            "the bytes end before the value does".into()
        }
        ErrorKind::InvalidUtf8Encoding(error) => format!("a text is not UTF-8: {error}"),
        ErrorKind::InvalidBoolEncoding(byte) => format!("a bool is 0 or 1, not {byte}"),
        ErrorKind::InvalidTagEncoding(tag) => format!("an option's tag is 0 or 1, not {tag}"),
        ErrorKind::InvalidCharEncoding => "a char is not UTF-8".into(),
        ErrorKind::Custom(text) => text,
        other => other.to_string(),
    }
}

/// The codec without the guard, for tests: to compare with, and to make bytes that `encode` refuses to make.
#[cfg(test)]
pub(super) mod bare {
    use super::{Deserialize, Options, Serialize, options};

    pub(in crate::wire) fn decode<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Option<T> {
        options().deserialize(bytes).ok()
    }

    pub(in crate::wire) fn encode<T: Serialize + ?Sized>(value: &T, into: &mut Vec<u8>) -> bool {
        options().serialized_size(value).is_ok_and(|size| size < 1 << 30)
            && options().serialize_into(into, value).is_ok()
    }
}
