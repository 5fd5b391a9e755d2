//! The threads and locks of the topics: here the real ones. The interleaving checker compiles the same topics with
//! its own in their place.

pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, mpsc};
pub(crate) use std::thread;

use std::time::Duration;

/// Sleeps so that other threads run in between, and the rare order happens at every run. The checker needs no such help.
pub(crate) fn awkward_moment() {
    thread::sleep(Duration::from_millis(60));
}
