//! Layer 1: bytes to messages and back. It has no socket and no clock, and no state but a frame that is not yet whole.
//! The rules, with their numbers W1.., are in `docs/wire.md`.

// Bytes from the network pass here, and none of them may make this code panic.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

mod checksum;
pub mod codec;
mod decoder;
mod fields;
pub mod frame;
mod guard;
mod hello;
pub mod message;
pub mod metadata;
pub mod parts;
pub mod reject;
mod status;
#[cfg(test)]
mod tests;
