//! Layer 4: the monotonic clock of the operating system.

use super::sync::Instant;
use crate::ids::{Clock, Time};

/// Microseconds since it was made, and a second more. It never goes back, whatever happens to the date.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicClock {
    origin: Instant,
}

impl MonotonicClock {
    /// A clock that begins at one second, so that a moment before its origin can be spoken of.
    pub fn new() -> Self {
        MonotonicClock { origin: Instant::now() }
    }
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MonotonicClock {
    fn now(&self) -> Time {
        Time(1_000_000).plus(self.origin.elapsed())
    }
}
