//! Threads and locks as the topics use them: here the real ones. The interleaving checker compiles the same topics with
//! its own in their place.

pub(crate) use std::sync::{Arc, Condvar, Mutex, mpsc};
pub(crate) use std::thread;

use std::time::Duration;

/// Gives the others time to come between: so the rare schedule happens at every run. The checker needs no such help.
pub(crate) fn awkward_moment() {
    thread::sleep(Duration::from_millis(60));
}
