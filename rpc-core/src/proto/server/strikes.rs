//! Layer 2: strikes: what a connection sends that is of no use, in a bucket that empties with time and with each call.
//!
//! ```text
//! useless frame --> full? the connection is rejected (its session lives)
//!                   else  level + 1, or more for a long one
//! time          --> level - (STRIKES_PER_SECOND + slots) a second
//! call begins   --> level - STRIKES_PER_CALL
//! ```
//! A frame that finds room is acted on, whatever it costs: the bucket may be more than full after it. So a body over the limit
//! is skipped and answered, and its sender may go on.

use crate::bucket;
use crate::error::ProtocolError;
use crate::ids::Time;
use crate::limits::{STRIKE_BYTES, STRIKES_PER_CALL, STRIKES_PER_SECOND, STRIKES_PER_SLOT, STRIKES_SPARE};

/// The useless frames of one connection, as far as they are not forgiven: a [`bucket`] of what may still come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strikes {
    /// The time at which all are forgiven, in microseconds.
    forgiven_at: u64,
    /// The number of slots of the session: a client with many slots repeats many calls at once.
    slots: u16,
}

impl Strikes {
    /// No strikes, for a connection that carries a session with so many slots.
    pub(super) fn new(slots: u16) -> Self {
        Strikes { forgiven_at: 0, slots }
    }

    /// Adds a useless frame of this cost.
    ///
    /// # Errors
    /// Returns an error if the bucket was full before.
    pub(super) fn add(&mut self, cost: u32, now: Time) -> Result<(), ProtocolError> {
        let (period, room) = (self.period(), self.period() * u64::from(self.most()));
        let after = bucket::take(self.forgiven_at, now.0, period, room).ok_or(ProtocolError::Flood)?;
        // A quarter of the bucket at most: an honest client may send one call that is far too long.
        let more = period.saturating_mul(u64::from(cost.min(self.most() / 4).saturating_sub(1)));
        self.forgiven_at = after.saturating_add(more);
        Ok(())
    }

    /// Forgives some of them, since a call begins: the client does what the server is there for.
    #[inline] // once for each call
    pub(super) fn forgive(&mut self) {
        if self.forgiven_at == 0 {
            return; // the common case: there is nothing to forgive, and the period is a division
        }
        self.forgiven_at = self.forgiven_at.saturating_sub(u64::from(STRIKES_PER_CALL) * self.period());
    }

    /// Returns the number of strikes at which the bucket is full.
    fn most(&self) -> u32 {
        STRIKES_PER_SLOT * u32::from(self.slots) + STRIKES_SPARE
    }

    /// Returns the time in which a strike is forgiven, in microseconds.
    fn period(&self) -> u64 {
        const SECOND: u64 = 1_000_000;
        SECOND / (u64::from(STRIKES_PER_SECOND) + u64::from(self.slots))
    }

    /// Returns the time from which on fewer than half of them are left: below that they decide nothing in a search, which sends
    /// far fewer frames.
    #[cfg(feature = "__inspection")]
    pub(super) fn half_forgiven_at(&self) -> Time {
        Time(self.forgiven_at.saturating_sub(self.period() * u64::from(self.most()) / 2))
    }
}

/// Returns the cost of a useless frame with so many bytes to read or to make.
pub(super) fn cost(bytes: usize) -> u32 {
    u32::try_from(bytes / STRIKE_BYTES).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_SLOTS;

    const START: Time = Time(5_000_000);

    fn fill(strikes: &mut Strikes, now: Time) -> u32 {
        (0..u32::MAX).find(|_| strikes.add(1, now).is_err()).expect("it is full at some time")
    }

    #[test]
    fn a_bucket_takes_exactly_its_bound_at_one_instant() {
        for slots in [1, 64, MAX_SLOTS] {
            let mut strikes = Strikes::new(slots);
            assert_eq!(fill(&mut strikes, START), 4 * u32::from(slots) + 256);
            assert_eq!(strikes.add(1, START), Err(ProtocolError::Flood));
        }
    }

    #[test]
    fn a_full_bucket_takes_as_many_as_its_time_has_emptied() {
        let mut strikes = Strikes::new(36); // 100 a second
        fill(&mut strikes, START);
        assert!(strikes.add(1, Time(START.0 + 9_999)).is_err());
        assert!(strikes.add(1, Time(START.0 + 10_000)).is_ok());
        assert!(strikes.add(1, Time(START.0 + 10_000)).is_err());
        assert_eq!(fill(&mut strikes, Time(START.0 + 1_010_000)), 100);
        assert_eq!(fill(&mut strikes, Time(1 << 60)), strikes.most(), "it empties, and holds no credit");
    }

    #[test]
    fn a_part_of_a_strike_is_not_lost_when_frames_come_often() {
        let mut strikes = Strikes::new(36);
        fill(&mut strikes, START);
        let taken = (1..=1_000_000 / 7_000).filter(|n| strikes.add(1, Time(START.0 + n * 7_000)).is_ok());
        assert!((98..=100).contains(&taken.count()), "a frame each 7 ms, and 100 strikes a second");
    }

    #[test]
    fn each_call_that_begins_forgives_two_frames_and_gives_no_credit() {
        let mut strikes = Strikes::new(1);
        strikes.forgive();
        assert_eq!(fill(&mut strikes, START), strikes.most());
        strikes.forgive();
        assert_eq!(fill(&mut strikes, START), 2);
    }

    #[test]
    fn a_long_frame_costs_more_but_a_quarter_at_most_and_is_taken_while_there_is_any_room() {
        assert_eq!([cost(0), cost(4095), cost(4096), cost(5 << 20)], [1, 1, 2, 1281]);
        let mut strikes = Strikes::new(1);
        for _ in 0..3 {
            assert!(strikes.add(cost(64 << 20), START).is_ok());
        }
        assert!(strikes.add(cost(4096), START).is_ok(), "each took a quarter of 260");
        assert!(strikes.add(cost(64 << 20), START).is_ok());
        assert!(strikes.add(1, START).is_err());
        assert!(strikes.add(1, Time(START.0 + 30_000)).is_err(), "two too many, at 65 a second");
        assert!(strikes.add(1, Time(START.0 + 50_000)).is_ok());
        assert_eq!(cost(usize::MAX).checked_add(1), None, "the largest that there is");
    }
}
