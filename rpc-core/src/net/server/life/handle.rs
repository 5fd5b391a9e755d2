//! Layer 4: a handle to a running server: it drains the server, and reads its counters.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::super::commands::Command;
use super::super::loop_owner::LoopOwner;
use super::counters::{counters, oldest_slow};
use super::shutdown::ShutdownSignal;
use crate::limits::END_MARGIN;
use crate::log;
use crate::net::Address;
use crate::net::sync::thread;
use crate::proto::server::ServerCounters;

/// A handle to a server: any thread may end the server with it, or read its counters. Clones are the same handle.
///
/// ```
/// use std::time::Duration;
/// use rpc_core::{Health, Server, ServerHandle};
///
/// /// Looks at a server; called once a minute.
/// fn watch(server: &ServerHandle) {
///     println!("{} calls so far", server.counters().calls);
///     if server.oldest_running() > Duration::from_secs(60) {
///         eprintln!("a handler does not return");
///     }
/// }
///
/// let server = Server::builder().service(Health::new()).bind("127.0.0.1:0")?.spawn()?;
/// let handle = server.handle();
/// watch(&handle);
/// handle.drain(); // from any thread
/// server.wait()?;
/// # Ok::<(), rpc_core::ServeError>(())
/// ```
#[derive(Clone)]
pub struct ServerHandle {
    /// The event loops of the server.
    loops: Arc<[Arc<LoopOwner>]>,
    /// Wakes `Server::run`.
    shutdown: Arc<ShutdownSignal>,
    /// The addresses at which the server listens. Never empty.
    addresses: Arc<[Address]>,
    /// The grace time of a drain.
    grace: Duration,
}

impl ServerHandle {
    /// Returns the handle of a server with these loops.
    pub(in crate::net::server) fn new(
        loops: Vec<Arc<LoopOwner>>,
        shutdown: Arc<ShutdownSignal>,
        addresses: Arc<[Address]>,
        grace: Duration,
    ) -> Self {
        ServerHandle { loops: loops.into(), shutdown, addresses, grace }
    }

    /// Begins a graceful shutdown. The server refuses new sessions and new calls, finishes running and queued ones, and tells
    /// its clients. It goes on to listen meanwhile, so that a client that has lost its connection can still fetch its
    /// replies. Then it stops to listen, and [`Server::run`](super::super::Server::run) returns, after the grace time at the
    /// latest. This method does not wait.
    pub fn drain(&self) {
        self.drain_within(self.grace);
    }

    /// Drains as [`ServerHandle::drain`] does, with another grace time than that of the server's limits. During a drain it
    /// can shorten the time that is left, but not extend it: use it for a second ctrl-C. Zero ends the server now; running
    /// calls are abandoned, and the verdict of their callers is 'unknown'.
    pub fn drain_within(&self, grace: Duration) {
        let is_first = self.shutdown.drain(grace.saturating_add(END_MARGIN));
        self.loops.iter().for_each(|owner| owner.commands.push(Command::Drain(grace)));
        if is_first {
            log::info!(address = %self.address(), ?grace, "draining");
        }
    }

    /// Returns the sum of the counters of all loops.
    ///
    /// Each loop replies between two calls. If a loop does not reply within a second, since its last thread runs a handler,
    /// its last known counters are used. A handler that calls this may wait for the loop whose thread it occupies: mark its
    /// method `#[rpc(slow)]`, so that it runs on a thread of its own.
    pub fn counters(&self) -> ServerCounters {
        self.loops.iter().fold(ServerCounters::default(), |sum, owner| sum.plus(counters(owner)))
    }

    /// Returns a function that reads the counters, for a service of this server: it does not keep the loops alive.
    pub(in crate::net::server) fn counters_of_loops(
        &self,
    ) -> impl Fn() -> ServerCounters + Send + Sync + 'static {
        let loops = Arc::downgrade(&self.loops);
        move || {
            let loops = loops.upgrade();
            let all = loops.iter().flat_map(|loops| loops.iter());
            all.fold(ServerCounters::default(), |sum, owner| sum.plus(counters(owner)))
        }
    }

    /// Returns the age of the oldest call that runs on a thread of its own, to within some milliseconds; zero if there is
    /// none. It shows a handler that never returns.
    pub fn oldest_running(&self) -> Duration {
        let now = |owner: &LoopOwner| owner.dispatch_env.clock.now();
        self.loops
            .iter()
            .filter_map(|owner| oldest_slow(owner).map(|since| now(owner).since(since)))
            .max()
            .unwrap_or_default()
    }

    /// Returns the address at which the server listens: the first one of TCP, with the port that the operating system chose for port 0.
    /// A server that listens only at Unix sockets has none; then this is `0.0.0.0:0`, at which nothing ever listens:
    /// [`ServerHandle::addresses`] has the paths.
    pub fn local_addr(&self) -> SocketAddr {
        let none = SocketAddr::from(([0, 0, 0, 0], 0));
        self.addresses.iter().find_map(Address::tcp).unwrap_or(none)
    }

    /// Returns all addresses at which the server listens.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Returns the first address, for logs.
    pub(in crate::net::server) fn address(&self) -> &Address {
        &self.addresses[0]
    }

    /// Returns true if this thread runs a handler of this server, or a loop.
    pub(in crate::net::server) fn is_own_thread(&self) -> bool {
        let me = thread::current().id();
        self.loops.iter().any(|owner| owner.lock().threads.members.contains(&me))
    }

    /// Returns the event loops.
    pub(in crate::net::server) fn loops(&self) -> &[Arc<LoopOwner>] {
        &self.loops
    }

    /// Returns the shutdown signal.
    pub(in crate::net::server) fn shutdown(&self) -> &ShutdownSignal {
        &self.shutdown
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerHandle({})", self.address())
    }
}
