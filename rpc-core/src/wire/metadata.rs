//! Layer 1: the metadata of a call: a few short texts beside its arguments. Rule W13a of `docs/wire.md`.
//!
//! ```text
//! body of a CALL whose `code` has bit 0:   | arguments .. | entries .. | length of the entries, u16 |
//! an entry:                                | length u8 | key | length u16 | value |
//! ```
//! The metadata is behind the arguments, so that a client can leave it out for a server that does not know it.

use std::str::from_utf8;

use thiserror::Error;

use crate::limits::MAX_METADATA;

/// The bit of `code` in a CALL that says that metadata is behind its arguments.
pub const HAS_METADATA: u8 = 1;

/// Bytes behind the entries: their length.
const TRAILER: usize = 2;

/// Short texts that travel beside the arguments of a call, each under a key: the context of a trace, the name of a caller. At most
/// 1,024 bytes together, the lengths of keys and values (3 bytes for each) included.
///
/// ```
/// use rpc_core::{CallContext, CallError, Metadata, rpc};
///
/// #[rpc]
/// pub trait Greeter {
///     fn greet(&self, cx: &CallContext) -> String;
/// }
///
/// struct Polite;
///
/// impl Greeter for Polite {
///     fn greet(&self, cx: &CallContext) -> String {
///         format!("hello, {}", cx.metadata().get("caller").unwrap_or("stranger"))
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = rpc_core::Server::builder().service(GreeterServer::new(Polite)).bind("127.0.0.1:0")?.spawn()?;
/// # let greeter = GreeterClient::connect(server.local_addr())?;
/// let mut metadata = Metadata::new();
/// metadata.set("caller", "backup")?;
/// assert_eq!(greeter.greet()?, "hello, stranger");
/// assert_eq!(greeter.call.with_metadata(metadata).greet()?, "hello, backup");
/// # greeter.call.close();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The entries as on the wire, with keys that rise: what is read is what was written, and a key is there once.
    entries: Vec<u8>,
}

/// The error of metadata that cannot be sent.
///
/// ```
/// use rpc_core::{Metadata, MetadataError};
///
/// let mut metadata = Metadata::new();
/// assert_eq!(metadata.set("", "a value"), Err(MetadataError::Key(0)));
/// assert!(matches!(metadata.set("page", &"x".repeat(2000)), Err(MetadataError::TooLong(_))));
/// assert!(metadata.is_empty(), "nothing was changed");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The key is empty, or longer than a length on the wire can say.
    #[error("a key of {0} bytes; it must have 1 to 255: choose another key")]
    Key(usize),
    /// All entries together are too long.
    #[error("metadata of {0} bytes; the limit is {MAX_METADATA}: send the rest as an argument")]
    TooLong(usize),
}

impl Metadata {
    /// Returns metadata without an entry.
    pub fn new() -> Self {
        Metadata::default()
    }

    /// Returns metadata without an entry, for a constant.
    pub(crate) const fn empty() -> Self {
        Metadata { entries: Vec::new() }
    }

    /// Returns true if there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(at, _)| *at == key).map(|(_, value)| value)
    }

    /// Returns all keys with their values, in the order of their bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut left = self.entries.as_slice();
        std::iter::from_fn(move || {
            let (entry, behind) = first(left)?;
            left = behind;
            Some(entry)
        })
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// Returns an error, and changes nothing, if the key is empty or all entries together would be too long.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), MetadataError> {
        let key_length = u8::try_from(key.len()).ok().filter(|length| *length > 0);
        let key_length = key_length.ok_or(MetadataError::Key(key.len()))?;
        let value_length = u16::try_from(value.len()).map_err(|_| MetadataError::TooLong(value.len()))?;
        let mut entries = Vec::new();
        let add = |entries: &mut Vec<u8>| {
            entries.push(key_length);
            entries.extend_from_slice(key.as_bytes());
            entries.extend_from_slice(&value_length.to_le_bytes());
            entries.extend_from_slice(value.as_bytes());
        };
        let mut left = self.entries.as_slice();
        while let Some(((at, _), behind)) = first(left).filter(|((at, _), _)| *at <= key) {
            let (entry, _) = left.split_at(left.len() - behind.len());
            entries.extend_from_slice(if at == key { &[] } else { entry });
            left = behind;
        }
        add(&mut entries);
        entries.extend_from_slice(left);
        if entries.len() > MAX_METADATA {
            return Err(MetadataError::TooLong(entries.len()));
        }
        self.entries = entries;
        Ok(())
    }

    /// Appends the metadata to the encoded arguments of a call. Returns the number of bytes: 0 if there is no entry.
    pub(crate) fn append_to(&self, arguments: &mut Vec<u8>) -> usize {
        if self.entries.is_empty() {
            return 0;
        }
        arguments.extend_from_slice(&self.entries);
        arguments.extend_from_slice(&(self.entries.len() as u16).to_le_bytes()); // at most MAX_METADATA
        self.entries.len() + TRAILER
    }

    /// Splits the body of a CALL that has metadata into its arguments and that. Returns `None` if it is not of that form.
    pub fn split(body: &[u8]) -> Option<(&[u8], Metadata)> {
        let (body, length) = body.split_last_chunk::<TRAILER>()?;
        let length = usize::from(u16::from_le_bytes(*length));
        let (arguments, entries) = body.split_at_checked(body.len().checked_sub(length)?)?;
        let (mut left, mut last) = (entries, "");
        while !left.is_empty() {
            let ((key, _), behind) = first(left)?;
            if key <= last {
                return None; // empty, or not in order
            }
            (left, last) = (behind, key);
        }
        (length <= MAX_METADATA).then(|| (arguments, Metadata { entries: entries.to_vec() }))
    }
}

/// Reads the first entry. Returns it with the bytes behind it; `None` if there is none.
fn first(bytes: &[u8]) -> Option<((&str, &str), &[u8])> {
    let (length, behind) = bytes.split_first()?;
    let (key, behind) = behind.split_at_checked(usize::from(*length))?;
    let (length, behind) = behind.split_first_chunk()?;
    let (value, behind) = behind.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    Some(((from_utf8(key).ok()?, from_utf8(value).ok()?), behind))
}
