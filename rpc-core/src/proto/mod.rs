//! Layer 2: the protocol of `docs/at_most_once.md` as state machines without socket, clock or thread.
//!
//! `handle_*` takes events (bytes, connections, time), with the present time as an argument. `poll_*` gives the bytes and
//! actions that follow from them.

// Bytes off the wire pass here: nothing in them may make this code panic. (Assertions of invariants are our own defects.)
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

#[cfg(feature = "__inspection")]
mod canonical;
pub mod client;
mod outcome;
pub mod peer;
mod request;
pub mod server;
#[cfg(test)]
mod tests;

#[cfg(feature = "__inspection")]
pub use canonical::Canonical;
pub use outcome::{Outcome, UnknownCause};
pub use request::Request;
