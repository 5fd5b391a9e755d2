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

/// Tells if the C library has forked this process since the value was made.
#[derive(Clone, Debug)]
pub(super) struct ForkGuard {
    /// Counts forks in a handler of the C library; `None` if it takes none.
    #[cfg(unix)]
    guard: Option<forkguard::Guard>,
    /// The number of the process, for that case.
    id: u32,
}

impl ForkGuard {
    /// Returns a guard of the present process.
    pub(super) fn new() -> Self {
        ForkGuard {
            #[cfg(unix)]
            guard: forkguard::Guard::try_new().ok(),
            id: process_id(),
        }
    }

    /// Returns true in a child that `fork` has made since. No system call.
    #[cfg(unix)]
    #[inline]
    pub(super) fn has_forked(&self) -> bool {
        match &self.guard {
            Some(guard) => guard.clone().detected_fork(),
            None => process_id() != self.id,
        }
    }

    /// Returns false: there is no fork.
    #[cfg(not(unix))]
    pub(super) fn has_forked(&self) -> bool {
        process_id() != self.id
    }
}
