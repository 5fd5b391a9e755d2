//! Layer 4: a server that serves until a signal: any function that waits for the time at which the server is to end.

use super::super::Server;
use super::super::error::ServeError;
use crate::log;
use crate::net::Addresses;
use crate::net::sync::thread;
use crate::panics::contain;
use crate::service::Service;

/// Serves `service` at `address` until `signal` returns, then drains the server and waits for the end of the drain.
///
/// It is [`serve`](super::super::serve) with an end. `signal` runs on a thread of its own and waits for anything: a signal of the
/// operating system, a message on a channel, a future. [`Server::run_until`] does the same for a server with other settings.
///
/// With the crate `signal-hook`, a server that drains at SIGTERM and ctrl-C:
///
/// ```ignore
/// let mut signals = Signals::new([SIGTERM, SIGINT])?;
/// serve_with_shutdown("127.0.0.1:7000", KvServer::new(store), move || _ = signals.forever().next())?;
/// ```
///
/// With a channel:
///
/// ```
/// use rpc_core::{rpc, serve_with_shutdown};
///
/// #[rpc]
/// pub trait Clock {
///     fn hour(&self) -> u8;
/// }
///
/// struct Noon;
///
/// impl Clock for Noon {
///     fn hour(&self) -> u8 {
///         12
///     }
/// }
///
/// let (stop, stopped) = std::sync::mpsc::channel::<()>();
/// drop(stop); // in another thread, as a rule
/// serve_with_shutdown("127.0.0.1:0", ClockServer::new(Noon), move || _ = stopped.recv())?;
/// # Ok::<(), rpc_core::ServeError>(())
/// ```
///
/// # Errors
/// Returns an error if the server cannot listen at the address, the contract of the service is invalid, the operating system
/// refuses a resource that every server needs, or a loop fails.
pub fn serve_with_shutdown(
    address: impl Into<Addresses>,
    service: impl Service,
    signal: impl FnOnce() + Send + 'static,
) -> Result<(), ServeError> {
    Server::builder().service(service).bind(address)?.run_until(signal)
}

impl Server {
    /// Serves until `signal` returns, then drains the server and waits for the end of the drain: see [`Server::run`].
    ///
    /// `signal` runs once, on a thread of its own. If it panics, the server drains as well: nothing else would end it. If the
    /// server ends by another cause, the thread of `signal` stays until `signal` returns. For a second signal that ends the
    /// server at once, take a [`Server::handle`] into the function, and call
    /// [`drain_within`](super::ServerHandle::drain_within) from a thread that waits for it.
    ///
    /// # Errors
    /// See [`Server::run`].
    pub fn run_until(self, signal: impl FnOnce() + Send + 'static) -> Result<(), ServeError> {
        let handle = self.handle();
        let waits = move || {
            if contain(signal).is_none() {
                log::error!("the function that waits for the shutdown signal panicked: the server drains");
            }
            handle.drain();
        };
        thread::Builder::new()
            .name("rpc-signal".to_owned())
            .spawn(waits)
            .map_err(ServeError::system("start the thread that waits for the shutdown signal"))?;
        self.run()
    }
}
