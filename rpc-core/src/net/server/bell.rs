//! Floor 4: what `Server::run` sleeps on: a count of everything that may end a server.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Rings when a loop or a thread has ended, and when a drain begins.
#[derive(Debug, Default)]
pub(super) struct Bell {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct State {
    rings: u64,
    drain_since: Option<Instant>,
}

impl Bell {
    pub(super) fn ring(&self) {
        self.lock().rings += 1;
        self.rung.notify_all();
    }

    /// Notes the beginning of a drain. Says whether it is the first.
    pub(super) fn drain(&self) -> bool {
        let mut state = self.lock();
        let first = state.drain_since.is_none();
        state.drain_since.get_or_insert_with(Instant::now);
        state.rings += 1;
        drop(state);
        self.rung.notify_all();
        first
    }

    /// How often it has rung.
    pub(super) fn rings(&self) -> u64 {
        self.lock().rings
    }

    /// How long ago the drain began; `None` before.
    pub(super) fn draining_for(&self) -> Option<Duration> {
        self.lock().drain_since.map(|since| since.elapsed())
    }

    /// Waits until it has rung more often than `heard`, or `limit` is over.
    pub(super) fn wait(&self, heard: u64, limit: Option<Duration>) {
        let state = self.lock();
        let quiet = |state: &mut State| state.rings == heard;
        match limit {
            None => drop(self.rung.wait_while(state, quiet)),
            Some(limit) => drop(self.rung.wait_timeout_while(state, limit, quiet)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // each change is one statement
    }
}
