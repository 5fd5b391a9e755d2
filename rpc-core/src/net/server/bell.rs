//! Floor 4: what `Server::run` sleeps on: a count of everything that may end a server.

use std::time::Duration;

use crate::net::sync::{Condvar, Instant, Mutex, MutexGuard, PoisonError};

/// Rings when a loop or a thread has ended, and when a drain begins.
#[derive(Debug, Default)]
pub(super) struct Bell {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct State {
    rings: u64,
    /// When a drain ends that does not end by itself.
    patience_ends: Option<Instant>,
}

impl Bell {
    pub(super) fn ring(&self) {
        self.lock().rings += 1;
        self.rung.notify_all();
    }

    /// Notes a drain whose loops have `patience` to end by themselves, or less if less is left. Says whether it is the first.
    pub(super) fn drain(&self, patience: Duration) -> bool {
        let mut state = self.lock();
        let first = state.patience_ends.is_none();
        let ends = Instant::now().checked_add(patience);
        state.patience_ends = state.patience_ends.into_iter().chain(ends).min();
        state.rings += 1;
        drop(state);
        self.rung.notify_all();
        first
    }

    /// How often it has rung.
    pub(super) fn rings(&self) -> u64 {
        self.lock().rings
    }

    /// How much of it is left; `None` before a drain.
    pub(super) fn patience_left(&self) -> Option<Duration> {
        self.lock().patience_ends.map(|ends| ends.saturating_duration_since(Instant::now()))
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
