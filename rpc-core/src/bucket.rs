//! Layer 0: a bucket of attempts that fills up with time, kept as one number: the time at which it is full.
//!
//! Source: the *virtual scheduling* form of the generic cell rate algorithm, ITU-T I.371. Whole numbers, so that the result
//! does not depend on the steps in which time passed.

/// Takes one attempt out of a bucket that is full at `full_at` if nothing is taken. An attempt comes back in each `period`,
/// and a bucket that is empty fills in `room`; all four in one unit of time. Returns the new time at which the bucket is full,
/// which is at most `now + room`; `None` if it holds less than one attempt.
pub(crate) fn take(full_at: u64, now: u64, period: u64, room: u64) -> Option<u64> {
    let after = full_at.max(now).saturating_add(period);
    (after <= now.saturating_add(room)).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::take;

    #[test]
    fn a_full_bucket_gives_what_it_holds_and_then_one_in_each_period() {
        let all = |full_at: &mut u64, now| {
            std::iter::from_fn(|| take(*full_at, now, 10, 35).inspect(|after| *full_at = *after)).count()
        };
        let mut full_at = 0;
        assert_eq!(all(&mut full_at, 1_000), 3, "three periods fit into the room, and not a fourth");
        assert_eq!((all(&mut full_at, 1_004), all(&mut full_at, 1_005)), (0, 1));
        assert_eq!(all(&mut full_at, 9_000), 3, "and no more is saved");
    }

    #[test]
    fn a_period_that_never_ends_and_a_clock_at_its_end_are_no_overflow() {
        assert_eq!(take(0, 5, u64::MAX, 100), None);
        assert_eq!(take(0, u64::MAX, 1, 1), Some(u64::MAX));
    }
}
