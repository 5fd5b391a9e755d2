//! Floor 1: bytes to messages and back. No socket, no clock, no state but what half a frame needs.
//! The rules, with their numbers W1.., are in `docs/wire.md`.

// Bytes off the wire pass here: nothing in them may make this code panic. (Assertions of invariants are our own defects.)
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

pub mod codec;
mod decoder;
mod fields;
pub mod frame;
mod guard;
pub mod message;
mod status;
#[cfg(test)]
mod tests;
