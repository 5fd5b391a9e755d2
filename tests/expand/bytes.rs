//! Bytes, which are sent in one piece; slices; and types of the user, by reference and owned.

use rpc_core::rpc;
use serde::{Deserialize, Serialize};

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The offset of its first byte.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// Files.
#[rpc]
pub trait Files {
    /// Stores bytes that the caller keeps.
    fn store(&self, name: &str, bytes: &[u8]) -> u64;

    /// Stores bytes that the caller gives away.
    fn give(&self, bytes: Vec<u8>) -> u64;

    /// Reads one part.
    fn read(&self, name: &str, part: &Part) -> Result<Vec<u8>, String>;

    /// All bytes of some files, one after the other.
    fn all(&self, names: &[&str]) -> Vec<u8>;

    /// The parts that are missing.
    fn missing(&self, parts: &[Part], after: Option<&str>, limit: Option<Part>) -> Vec<Part>;

    /// Reads a file, if it is there.
    fn find(&self, name: &str) -> Option<Vec<u8>>;
}
