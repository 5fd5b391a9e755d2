//! Floor 4: the server: services, an address, one or more event loops, and a handle to end it with.

mod bell;
mod builder;
mod error;
mod event_loop;
mod handle;
mod hands;
mod listener;
mod mailbox;
mod methods;
mod runner;
mod running;
mod socket;
mod spares;
mod transfer;

#[cfg(test)]
mod tests;

use std::fmt::{self, Debug};
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

pub use builder::ServerBuilder;
pub use error::ServeError;
pub use handle::ServerHandle;
pub use running::RunningServer;

use crate::limits::END_MARGIN;
use crate::service::Service;

/// Serves `service` at `address` until the process ends: the shortest way. [`Server::builder`] offers the rest.
///
/// # Errors
/// When the address cannot be had, the service's contract contradicts itself, or the operating system refuses what
/// every server needs.
pub fn serve(address: impl ToSocketAddrs + Debug, service: impl Service) -> Result<(), ServeError> {
    Server::builder().service(service).bind(address)?.run()
}

/// A server that listens. Clients that connect wait until [`Server::run`].
pub struct Server {
    handle: ServerHandle,
}

impl Server {
    /// Collects services and settings.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Where it listens: with the port that the operating system chose, if it was asked for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.handle.local_addr()
    }

    /// What others end it and look into it with.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Serves until [`ServerHandle::drain`] was called and the drain has ended. Handlers that have not returned by
    /// then, after the grace time, are left behind on their threads; all other threads of the server have ended.
    ///
    /// # Errors
    /// When threads cannot be started, or a loop fails; the other loops are drained then.
    pub fn run(self) -> Result<(), ServeError> {
        tracing::info!(address = %self.local_addr(), "serving");
        for hands in self.handle.loops() {
            hands.start().map_err(ServeError::system("start the threads of the server"))?; // Drop ends the others
        }
        let (mut heard, mut drained) = (0, false);
        let failure = loop {
            let states: Vec<_> = self.handle.loops().iter().map(|hands| hands.state()).collect();
            if states.iter().all(|state| state.over) {
                break self.handle.loops().iter().find_map(|hands| hands.take_error());
            }
            if states.iter().any(|state| state.failed) && !drained {
                drained = true; // once: each drain wakes this thread again
                self.handle.drain();
            }
            let limit = self.leave_behind_who_is_stuck();
            self.handle.bell().wait(heard, limit);
            heard = self.handle.bell().rings();
        };
        let forced = self.handle.loops().iter().any(|hands| hands.was_forced());
        if forced {
            tracing::warn!(address = %self.local_addr(), "drained by force: calls were left behind");
        } else {
            tracing::info!(address = %self.local_addr(), "drained");
        }
        failure.map_or(Ok(()), Err)
    }

    /// A loop whose last thread is in a handler that does not return cannot end by itself. Says when to look again.
    fn leave_behind_who_is_stuck(&self) -> Option<Duration> {
        let left = self.handle.bell().patience_left()?;
        if left.is_zero() {
            self.handle.loops().iter().for_each(|hands| hands.end_if_stuck());
            return Some(END_MARGIN);
        }
        Some(left)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.handle.loops().iter().for_each(|hands| hands.end(None, None)); // closes the listener if it never ran
    }
}

impl Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.local_addr())
    }
}
