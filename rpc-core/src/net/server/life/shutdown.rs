//! Layer 4: the shutdown signal: what `Server::run` waits for, and the time at which it stops waiting.

use std::sync::Arc;
use std::time::Duration;

use crate::net::sync::{Condvar, Instant, Mutex, MutexGuard, PoisonError};

/// Notified when a loop or a thread has ended, and when a drain begins.
#[derive(Debug, Default)]
pub(in crate::net::server) struct ShutdownSignal {
    /// The state, which the condition variable belongs to.
    state: Mutex<State>,
    /// Notified after every change of the state.
    changed: Condvar,
}

/// The state of a shutdown signal.
#[derive(Debug, Default)]
struct State {
    /// The number of notifications so far. A thread that has seen an older number must check the loops again.
    generation: u64,
    /// The time at which loops that have not ended by themselves are abandoned; `None` before a drain.
    drain_ends: Option<Instant>,
    /// The time at which the first drain began.
    drain_began: Option<Instant>,
    /// The threads that hold a loop, with the services and the store of the server.
    holders: usize,
}

impl ShutdownSignal {
    /// Wakes `Server::run`.
    pub(in crate::net::server) fn notify(&self) {
        self.lock().generation += 1;
        self.changed.notify_all();
    }

    /// Notes that a thread holds a loop. It does until the value is dropped.
    pub(in crate::net::server) fn hold(self: &Arc<Self>) -> Holder {
        self.lock().holders += 1;
        Holder(Arc::clone(self))
    }

    /// Returns the number of threads that hold a loop.
    pub(in crate::net::server) fn holders(&self) -> usize {
        self.lock().holders
    }

    /// Notes a drain whose loops have `limit` to end by themselves, or the rest of an earlier drain's time if that is less.
    /// Returns true for the first drain.
    pub(in crate::net::server) fn drain(&self, limit: Duration) -> bool {
        let mut state = self.lock();
        let before = state.drain_ends;
        state.drain_began.get_or_insert_with(Instant::now);
        let ends = Instant::now().checked_add(limit);
        state.drain_ends = before.into_iter().chain(ends).min();
        debug_assert!(before.is_none() || state.drain_ends <= before, "a second drain does not add time");
        state.generation += 1;
        drop(state);
        self.changed.notify_all();
        before.is_none()
    }

    /// Returns the number of notifications so far.
    pub(in crate::net::server) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Returns the time that is left for the loops to end; `None` before a drain.
    pub(in crate::net::server) fn time_left(&self) -> Option<Duration> {
        self.lock().drain_ends.map(|ends| ends.saturating_duration_since(Instant::now()))
    }

    /// Returns the time since the drain began; `None` before a drain.
    pub(in crate::net::server) fn drained_for(&self) -> Option<Duration> {
        self.lock().drain_began.map(|began| Instant::now().saturating_duration_since(began))
    }

    /// Waits until there were more notifications than `seen`, or `limit` is over.
    pub(in crate::net::server) fn wait(&self, seen: u64, limit: Option<Duration>) {
        let state = self.lock();
        let unchanged = |state: &mut State| state.generation == seen;
        match limit {
            None => drop(self.changed.wait_while(state, unchanged)),
            Some(limit) => drop(self.changed.wait_timeout_while(state, limit, unchanged)),
        }
    }

    /// Locks the state. Each change is one statement, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that holds a loop. It is dropped after the loop.
pub(in crate::net::server) struct Holder(Arc<ShutdownSignal>);

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.lock().holders -= 1;
        self.0.notify();
    }
}
