//! Floor 4: the operating system's monotonic clock, as the protocol counts time.

use std::time::Instant;

use crate::ids::{Clock, Time};

/// Microseconds since it was made. It never goes back, whatever happens to the date.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicClock {
    origin: Instant,
}

impl MonotonicClock {
    /// A clock that begins at zero now.
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
        Time::default().plus(self.origin.elapsed())
    }
}
