//! Layer 4: the monotonic clock of the operating system.

use super::sync::Instant;
use crate::ids::{Clock, Time};

/// Counts the microseconds since it was created, plus one second. It never goes back, even if the system time does.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicClock {
    /// The instant at which the clock was created.
    origin: Instant,
}

impl MonotonicClock {
    /// Returns a clock that begins at one second, so that a time before its origin can be expressed.
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
