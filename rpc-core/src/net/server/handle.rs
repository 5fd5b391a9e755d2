//! Layer 4: a handle to a running server: it drains the server, and reads its counters.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::commands::Command;
use super::error::ServeError;
use super::loop_owner::LoopOwner;
use super::shutdown::ShutdownSignal;
use crate::ids::Time;
use crate::limits::{COUNTERS_WAIT, END_MARGIN};
use crate::log;
use crate::net::sync::mpsc;
use crate::net::sync::thread;
use crate::proto::server::ServerCounters;

/// The wait for a reply to one request for counters. After it the loop may be parked, and is read under the lock.
const COUNTERS_RETRY: Duration = Duration::from_millis(20);

/// A handle to a server: any thread may end the server with it, or read its counters. Clones are the same handle.
#[derive(Clone)]
pub struct ServerHandle {
    /// The event loops of the server.
    loops: Arc<[Arc<LoopOwner>]>,
    /// Wakes `Server::run`.
    shutdown: Arc<ShutdownSignal>,
    /// The address at which the server listens.
    local_addr: SocketAddr,
    /// The grace time of a drain.
    grace: Duration,
}

impl ServerHandle {
    /// Returns the handle of a server with these loops.
    pub(super) fn new(
        loops: Vec<Arc<LoopOwner>>,
        shutdown: Arc<ShutdownSignal>,
        local_addr: SocketAddr,
        grace: Duration,
    ) -> Self {
        ServerHandle { loops: loops.into(), shutdown, local_addr, grace }
    }

    /// Begins a graceful shutdown. The server accepts no connection, refuses new calls, finishes running and queued ones,
    /// and tells its clients. Then [`Server::run`](super::Server::run) returns, after the grace time at the latest. This
    /// method does not wait.
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
            log::info!(address = %self.local_addr, ?grace, "draining");
        }
    }

    /// Returns the sum of the counters of all loops.
    ///
    /// Each loop replies between two calls. If a loop does not reply within a second, since its last thread runs a handler,
    /// its last known counters are used. A handler that calls this may wait for the loop whose thread it occupies: mark its
    /// method `#[rpc(slow)]`, so that it runs on a thread of its own.
    pub fn counters(&self) -> ServerCounters {
        self.loops.iter().fold(ServerCounters::default(), |sum, owner| sum.plus(owner.counters()))
    }

    /// Returns the age of the oldest call that runs on a thread of its own, to within some milliseconds; zero if there is
    /// none. It shows a handler that never returns.
    pub fn oldest_running(&self) -> Duration {
        let now = |owner: &LoopOwner| owner.dispatch_env.clock.now();
        self.loops
            .iter()
            .filter_map(|owner| owner.oldest_slow().map(|since| now(owner).since(since)))
            .max()
            .unwrap_or_default()
    }

    /// Returns the address at which the server listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns true if this thread runs a handler of this server, or a loop.
    pub(super) fn is_own_thread(&self) -> bool {
        self.loops.iter().any(|owner| owner.is_own_thread())
    }

    /// Returns the event loops.
    pub(super) fn loops(&self) -> &[Arc<LoopOwner>] {
        &self.loops
    }

    /// Returns the shutdown signal.
    pub(super) fn shutdown(&self) -> &ShutdownSignal {
        &self.shutdown
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerHandle({})", self.local_addr)
    }
}

/// The state of a loop, for `Server::run`.
pub(super) struct LoopState {
    /// True if the loop and its threads have ended, except for threads that were abandoned in handlers.
    pub(super) over: bool,
    /// True if the loop ended with an error.
    pub(super) failed: bool,
}

impl LoopOwner {
    /// Returns the counters of the loop: from its result, from the parked loop, or by a command to its owner.
    fn counters(&self) -> ServerCounters {
        // Counted down, not read from a clock: a process that was suspended has still asked only once.
        let mut left = COUNTERS_WAIT;
        while !left.is_zero() {
            let mut inner = self.lock();
            inner.counter_requests += 1;
            let request = inner.counter_requests;
            let known = match (&inner.ended, &inner.parked_loop) {
                (Some(ended), _) => Some(ended.counters),
                (None, Some(event_loop)) => Some(event_loop.core.counters()),
                (None, None) => None,
            };
            if let Some(counters) = known {
                inner.last_counters = (request, counters);
                return counters;
            }
            let (reply, replied) = mpsc::channel();
            // Under the lock, so that replies come in the order of the requests.
            self.commands.push(Command::Counters(reply));
            drop(inner);
            if let Ok(counters) = replied.recv_timeout(COUNTERS_RETRY) {
                let mut inner = self.lock();
                if request > inner.last_counters.0 {
                    inner.last_counters = (request, counters);
                }
                return counters;
            }
            left = left.saturating_sub(COUNTERS_RETRY);
        }
        self.lock().last_counters.1
    }

    /// Returns true if this thread is one of the loop.
    fn is_own_thread(&self) -> bool {
        let me = thread::current().id();
        self.lock().threads.members.contains(&me)
    }

    /// Returns the time at which the oldest slow call began.
    fn oldest_slow(&self) -> Option<Time> {
        self.lock().slow.iter().map(|call| call.since).min()
    }

    /// Returns the state of the loop.
    pub(super) fn state(&self) -> LoopState {
        let inner = self.lock();
        let over = inner.ended.is_some() && inner.threads.alive <= inner.slow.len();
        LoopState { over, failed: inner.ended.as_ref().is_some_and(|ended| ended.error.is_some()) }
    }

    /// Takes the error that ended the loop.
    pub(super) fn take_error(&self) -> Option<ServeError> {
        self.lock().ended.as_mut().and_then(|ended| ended.error.take())
    }

    /// Returns true if the loop has ended and abandoned calls.
    pub(super) fn was_forced(&self) -> bool {
        self.lock().ended.as_ref().is_some_and(|ended| ended.forced)
    }

    /// Ends the loop if it is parked. After the grace time a parked loop means that its owner's handler does not return.
    pub(super) fn end_if_stuck(&self) {
        let mut inner = self.lock();
        if inner.ended.is_some() || inner.parked_loop.is_none() {
            return;
        }
        inner.abandon_owner();
        drop(inner);
        self.end(None, None);
    }
}
