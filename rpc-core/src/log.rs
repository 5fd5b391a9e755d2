//! Layer 0: events for an operator. All events of the library go through the macros of this module.
//!
//! An event must never stop what it reports: a subscriber that panics (its disk is full, the reader of its pipe has ended, its
//! thread-local values are gone) is contained here. And a peer must not be able to fill a log: each place in the source
//! reports [`EVENTS_AT_ONCE`] events at once, and then one in each [`EVENT_EVERY`]; the field `left_out` of the next event
//! counts those that were not reported.
//!
//! A subscriber that blocks cannot be helped: the thread that reports the event waits for it. Programs that write to a pipe
//! give the lines to a thread of their own.
//!
//! This is the only module below the net layer that reads the clock, and only to count events: nothing else depends on it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[doc(hidden)]
pub use tracing; // for the macros, which are used in another crate too

use crate::bucket;
use crate::each_process::{self, EachProcess};
use crate::limits::{EVENT_EVERY, EVENTS_AT_ONCE};
use crate::panics::contain;

/// The limit on the rate of the events of one place in the source: a bucket of [`EVENTS_AT_ONCE`] events that fills up by one
/// in each [`EVENT_EVERY`].
#[derive(Debug, Default)]
pub struct Limit {
    /// The time at which the bucket is full again, in microseconds of [`now`].
    full_at: AtomicU64,
    /// The number of events that were left out since the last one that was reported.
    left_out: AtomicU64,
}

impl Limit {
    /// Returns a limit whose bucket is full.
    pub const fn new() -> Self {
        Limit { full_at: AtomicU64::new(0), left_out: AtomicU64::new(0) }
    }

    /// Reports an event at this time, or counts it. `report` gets the number of events that were left out before it, if any.
    /// A panic of `report` is contained.
    pub fn report(&self, now: Duration, report: impl FnOnce(Option<u64>)) {
        let every = EVENT_EVERY.as_micros() as u64;
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX / 2);
        let next = |full_at| bucket::take(full_at, now, every, every * u64::from(EVENTS_AT_ONCE));
        if self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        contain(|| report((left_out > 0).then_some(left_out)));
    }
}

/// Returns the time since the first event of the process, or of the one from which it was forked. A WebAssembly module without a
/// system has no clock: its time stands still, and each place in the source reports its first events only.
pub fn now() -> Duration {
    if cfg!(all(target_family = "wasm", target_os = "unknown")) {
        return Duration::ZERO;
    }
    // A thread of the parent may have been about to store it at the fork, and would never end.
    static FIRST: EachProcess<Instant> = EachProcess::new(each_process::present);
    let first = FIRST.of_ancestors().next().or_else(|| FIRST.get_or_make(Instant::now));
    first.map(Instant::elapsed).unwrap_or_default()
}

/// Reports an event with the fields and the text of tracing's macros.
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_event {
    ($level:ident, $($event:tt)+) => {
        if $crate::log::tracing::Level::$level <= $crate::log::tracing::level_filters::LevelFilter::current() {
            static LIMIT: $crate::log::Limit = $crate::log::Limit::new();
            LIMIT.report($crate::log::now(), |left_out| {
                $crate::log::tracing::event!($crate::log::tracing::Level::$level, left_out, $($event)+)
            });
        }
    };
}

/// Reports an event that an operator must act on.
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_error {
    ($($event:tt)+) => { $crate::__rpc_event!(ERROR, $($event)+) };
}

/// Reports an event that an operator should know.
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_warn {
    ($($event:tt)+) => { $crate::__rpc_event!(WARN, $($event)+) };
}

/// Reports a step in the life of a server.
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_info {
    ($($event:tt)+) => { $crate::__rpc_event!(INFO, $($event)+) };
}

/// Reports a detail for a developer.
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_debug {
    ($($event:tt)+) => { $crate::__rpc_event!(DEBUG, $($event)+) };
}

#[doc(hidden)]
pub use crate::{__rpc_debug as debug, __rpc_error as error, __rpc_info as info, __rpc_warn as warn};

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports `count` events at a time, and returns those that were reported, as the numbers of those left out before them.
    fn reported(limit: &Limit, count: u32, now: Duration) -> Vec<Option<u64>> {
        let mut seen = Vec::new();
        (0..count).for_each(|_| limit.report(now, |left_out| seen.push(left_out)));
        seen
    }

    #[test]
    fn a_flood_of_events_is_reported_in_part_with_the_count_of_the_rest() {
        let limit = Limit::new();
        let first = reported(&limit, 5_000, Duration::from_secs(1));
        assert_eq!(first, vec![None; EVENTS_AT_ONCE as usize]);
        let rest = u64::from(5_000 - EVENTS_AT_ONCE);
        let later = Duration::from_secs(1) + EVENT_EVERY;
        assert_eq!(reported(&limit, 3, later), [Some(rest)]);
        assert_eq!(reported(&limit, 1, later + EVENT_EVERY), [Some(2)]);
        let rested = later + EVENT_EVERY * (2 * EVENTS_AT_ONCE);
        assert_eq!(reported(&limit, 1_000, rested).len(), EVENTS_AT_ONCE as usize);
    }

    #[test]
    fn a_subscriber_that_panics_stops_nothing_and_is_asked_again() {
        let limit = Limit::new();
        let mut asked = 0;
        for _ in 0..2 {
            limit.report(Duration::ZERO, |_| {
                asked += 1;
                panic!("the disk is full");
            });
        }
        assert_eq!(asked, 2);
    }

    #[test]
    fn a_clock_at_its_end_is_no_panic() {
        let limit = Limit::new();
        assert_eq!(reported(&limit, 1, Duration::MAX), [None]);
    }
}
