//! Layer 4: the parts of the operating system that this layer uses: polls, sockets and their options, randomness, and the
//! process.
//!
//! The rest of the layer names them only through this file; `sync.rs` says why.

use std::io;
use std::net::SocketAddr;
pub(super) use std::net::TcpListener as BoundListener;

pub(super) use mio::event::Event;
pub(super) use mio::net::{TcpListener, TcpStream};
pub(super) use mio::{Events, Interest, Poll, Registry, Token, Waker};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::limits::{BACKLOG, KEEPALIVE_AFTER, KEEPALIVE_EVERY, KEEPALIVE_TRIES};
use crate::log;

/// Listens at an address.
pub(super) fn listen(address: SocketAddr) -> io::Result<BoundListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    #[cfg(not(windows))] // on Windows this option would let two servers share a port
    socket.set_reuse_address(true)?; // a restarted server does not wait for the connections of the last one
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Sets the options of a connection: small frames are sent at once, and the kernel notices a dead peer. A connection whose
/// kernel refuses an option still works; a connection that has ended already shows it at its first read.
pub(super) fn set_options(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER);
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "macos",
        target_os = "freebsd",
        windows
    ))]
    let keepalive = keepalive.with_interval(KEEPALIVE_EVERY).with_retries(KEEPALIVE_TRIES);
    let set = stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_tcp_keepalive(&keepalive));
    if let Err(error) = set {
        log::debug!(%error, "a socket option was not set");
    }
}

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
