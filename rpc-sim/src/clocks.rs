//! The clocks of a world's processes: each may begin elsewhere, run at another rate, jump forward, and stand still.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpc_core::ids::{Clock, Time};

/// Microseconds of a local clock in a second of the world, when both run at the same rate.
const SECOND: u64 = 1_000_000;

/// Fastest and slowest rate of a local clock: four times and a quarter of the world's. Real clocks differ by far less;
/// a protocol that holds here holds there.
const RATES: (u64, u64) = (SECOND / 4, SECOND * 4);

/// The world's clock: it moves when the world does.
///
/// ```
/// use rpc_sim::{Faults, Network, SimClock};
///
/// let network = Network::new(1, Faults::none());
/// let clock: std::sync::Arc<SimClock> = network.clock(); // for a service whose entries expire
/// ```
#[derive(Debug, Default)]
pub struct SimClock(AtomicU64);

impl Clock for SimClock {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::Relaxed))
    }
}

impl SimClock {
    /// Moves to a later time; an earlier one changes nothing. Returns the time that it has shown until now.
    pub(super) fn move_to(&self, time: Time) -> Time {
        Time(self.0.fetch_max(time.0, Ordering::Relaxed))
    }
}

/// The monotonic clock of one process.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalClock {
    /// A moment of the world,
    world: Time,
    /// and what this clock shows then.
    local: Time,
    /// Microseconds that it moves in a second of the world.
    rate: u64,
}

impl Default for LocalClock {
    /// Shows the world's time.
    fn default() -> Self {
        LocalClock { world: Time::default(), local: Time::default(), rate: SECOND }
    }
}

impl LocalClock {
    /// Returns the clock's time at a moment of the world.
    pub(super) fn at(&self, world: Time) -> Time {
        let passed = world.since(self.world).as_micros() * u128::from(self.rate) / u128::from(SECOND);
        Time(self.local.0.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)))
    }

    /// The first moment of the world at which it shows `local` or more.
    pub(super) fn world_time(&self, local: Time) -> Time {
        if local == Time::NEVER {
            return Time::NEVER;
        }
        let ahead = local.since(self.local).as_micros() * u128::from(SECOND);
        let passed = ahead.div_ceil(u128::from(self.rate));
        Time(self.world.0.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)))
    }

    /// Runs at another rate from `now` on, in microseconds a second; held within a quarter and four times.
    pub(super) fn set_rate(&mut self, rate: u64, now: Time) {
        (self.local, self.world) = (self.at(now), now);
        self.rate = rate.clamp(RATES.0, RATES.1);
    }

    /// Jumps forward, as the clock of a machine does that was suspended.
    pub(super) fn jump(&mut self, by: Duration, now: Time) {
        (self.local, self.world) = (self.at(now).plus(by), now);
    }

    /// Shows the same until `until`, as the clock of a virtual machine does that is not scheduled.
    pub(super) fn stand_still(&mut self, until: Time, now: Time) {
        (self.local, self.world) = (self.at(now), until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_and_its_moment_of_the_world_belong_together_at_every_rate() {
        for rate in [SECOND / 4, 999_999, SECOND, 1_000_001, 3 * SECOND] {
            let mut clock = LocalClock::default();
            clock.jump(Duration::from_secs(1_000), Time(5));
            clock.set_rate(rate, Time(7_000));
            for local in [clock.at(Time(7_000)).0, 1_000_123_456, 2_000_000_001] {
                let moment = clock.world_time(Time(local));
                assert!(clock.at(moment) >= Time(local), "rate {rate}");
                assert!(clock.at(Time(moment.0 - 1)) <= Time(local), "rate {rate}");
            }
        }
    }

    #[test]
    fn a_clock_that_stands_still_goes_on_from_where_it_stood() {
        let mut clock = LocalClock::default();
        clock.stand_still(Time(500), Time(100));
        assert_eq!(
            (clock.at(Time(300)), clock.at(Time(500)), clock.at(Time(510))),
            (Time(100), Time(100), Time(110))
        );
        assert_eq!(clock.world_time(Time(105)), Time(505));
    }

    #[test]
    fn a_time_that_never_comes_has_no_moment() {
        assert_eq!(LocalClock::default().world_time(Time::NEVER), Time::NEVER);
    }
}
