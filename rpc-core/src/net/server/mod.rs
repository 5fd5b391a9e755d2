//! Layer 4: the server: services, an address, one or more event loops, and a handle that ends it.
//!
//! The path of a call is in this folder: `event_loop` and `transfer` move bytes, `loop_owner` parks the loop while handlers
//! run, and `runner` is the server on one screen. What the path does not need is in three folders: `threads` (slow handlers
//! and the thread pool), `commands` (what other threads send to a loop), and `life` (drain, end, handles and counters).

mod builder;
mod commands;
mod durable;
mod error;
mod event_loop;
mod held;
mod life;
mod listener;
mod loop_owner;
mod loop_socket;
mod open_connections;
mod runner;
mod threads;
mod transfer;

#[cfg(test)]
mod tests;

use std::fmt::{self, Debug};
use std::net::SocketAddr;
use std::time::Duration;

pub use builder::ServerBuilder;
pub use error::ServeError;
pub use life::{RunningServer, ServerHandle, serve_with_shutdown};

use crate::limits::END_MARGIN;
use crate::log;
use crate::net::{Address, Addresses};
use crate::panics::contain;
use crate::service::Service;

/// Serves `service` at `address` until the process ends. This is the shortest way; [`Server::builder`] has all settings.
///
/// ```no_run
/// use rpc_core::{rpc, serve};
///
/// #[rpc]
/// pub trait Greeter {
///     fn greet(&self, name: &str) -> String;
/// }
///
/// struct Polite;
///
/// impl Greeter for Polite {
///     fn greet(&self, name: &str) -> String {
///         format!("hello, {name}")
///     }
/// }
///
/// fn main() -> Result<(), rpc_core::ServeError> {
///     serve("127.0.0.1:7000", GreeterServer::new(Polite))
/// }
/// ```
///
/// # Errors
/// Returns an error if the server cannot listen at the address, the contract of the service is invalid, or the operating
/// system refuses a resource that every server needs.
pub fn serve(address: impl Into<Addresses>, service: impl Service) -> Result<(), ServeError> {
    Server::builder().service(service).bind(address)?.run()
}

/// A server that listens. Clients can connect at once, and wait for their replies until [`Server::run`].
///
/// ```
/// use std::thread;
/// use rpc_core::{Health, Server};
///
/// let server = Server::builder().service(Health::new()).bind("127.0.0.1:0")?;
/// let handle = server.handle();
/// thread::spawn(move || {
///     // .. waits for the order to end
///     handle.drain();
/// });
/// server.run()?; // serves on this thread until the drain has ended
/// # Ok::<(), rpc_core::ServeError>(())
/// ```
pub struct Server {
    /// The loops, and all that ends them.
    handle: ServerHandle,
}

impl Server {
    /// Returns a builder that collects services and settings.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Returns the address at which the server listens: see [`ServerHandle::local_addr`].
    pub fn local_addr(&self) -> SocketAddr {
        self.handle.local_addr()
    }

    /// Returns all addresses at which the server listens.
    pub fn addresses(&self) -> &[Address] {
        self.handle.addresses()
    }

    /// Returns a handle that drains the server and reads its counters.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Serves until a drain has ended: see [`ServerHandle::drain`]. A handler that has not returned after the grace time is
    /// abandoned on its thread; all other threads of the server have ended.
    ///
    /// # Errors
    /// Returns an error if threads cannot be started, or if a loop fails. The other loops are drained then.
    pub fn run(self) -> Result<(), ServeError> {
        for address in self.addresses() {
            log::info!(%address, "serving");
        }
        for owner in self.handle.loops() {
            threads::start(owner).map_err(ServeError::system("start the threads of the server"))?; // on an error, `Drop` ends the loops
        }
        let (mut seen, mut drained) = (0, false);
        let failure = loop {
            // Also until its threads have let the services go: a store is closed then, and another server can open it.
            let over = self.handle.loops().iter().all(|owner| life::is_over(owner));
            let abandoned: usize = self.handle.loops().iter().map(|owner| life::abandoned(owner)).sum();
            if over && self.handle.shutdown().holders() <= abandoned {
                break self.handle.loops().iter().find_map(|owner| life::take_error(owner));
            }
            if !drained && self.handle.loops().iter().any(|owner| life::has_failed(owner)) {
                // Only once, since each drain wakes this thread again.
                drained = true;
                self.handle.drain();
            }
            let limit = self.abandon_stuck_loops();
            self.handle.shutdown().wait(seen, limit);
            seen = self.handle.shutdown().generation();
        };
        let forced = self.handle.loops().iter().any(|owner| life::was_forced(owner));
        let after = self.handle.shutdown().drained_for().unwrap_or_default();
        if forced {
            log::warn!(address = %self.handle.address(), ?after, "drained by force: running calls were abandoned");
        } else {
            log::info!(address = %self.handle.address(), ?after, "drained");
        }
        failure.map_or(Ok(()), Err)
    }

    /// Ends the loops whose last thread runs a handler that does not return, once the grace time is over. Returns the time
    /// after which this must be called again.
    fn abandon_stuck_loops(&self) -> Option<Duration> {
        let left = self.handle.shutdown().time_left()?;
        if left.is_zero() {
            self.handle.loops().iter().for_each(|owner| life::end_if_stuck(owner));
            return Some(END_MARGIN);
        }
        Some(left)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for owner in self.handle.loops() {
            contain(|| life::end(owner, None, None)); // closes the listener if `run` was not called
        }
    }
}

impl Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.handle.address())
    }
}
