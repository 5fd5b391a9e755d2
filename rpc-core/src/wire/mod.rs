//! Floor 1: bytes to messages and back. No socket, no clock, no state but what half a frame needs.
//! The rules, with their numbers W1.., are in `docs/wire.md`.

pub mod codec;
mod decoder;
mod fields;
pub mod frame;
mod guard;
pub mod message;
mod status;
