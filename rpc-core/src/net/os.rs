//! Layer 4: the parts of the operating system that this layer uses: polls, sockets and their options, randomness, and the
//! process.
//!
//! The rest of the layer names them only through this file; `sync.rs` says why.

mod listener;
#[cfg(unix)]
mod socket_file;
mod stream;

use std::io;

pub use listener::Listener;
pub(super) use listener::PolledListener;
pub(super) use mio::event::Event;
pub(super) use mio::{Events, Interest, Poll, Registry, Token, Waker};
pub(super) use stream::{Stream, set_options};

/// Returns the most files and sockets that the process may have, if the operating system says it.
#[cfg(unix)]
pub(super) fn descriptors() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Nofile).current.and_then(|most| usize::try_from(most).ok())
}

/// Returns the most files and sockets that the process may have, if the operating system says it.
#[cfg(not(unix))]
pub(super) fn descriptors() -> Option<usize> {
    None
}

/// Returns random bytes that cannot be guessed, for session ids and tokens.
pub(super) fn random_bytes() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}

/// Returns a number that differs from client to client, for the random part of their pauses.
pub(super) fn seed() -> u64 {
    getrandom::u64().unwrap_or_else(|_| u64::from(process_id()))
}

/// Returns the number of this process; a forked child has another.
pub(super) fn process_id() -> u32 {
    std::process::id()
}
