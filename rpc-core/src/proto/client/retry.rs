//! Layer 2: the budget for further attempts of calls: busy calls, and idempotent calls whose outcome is not known.

use std::time::Duration;

use crate::bucket;
use crate::ids::Time;
use crate::limits::RETRY_SECONDS;

/// The attempts that a client has saved up, so that a crowd of clients does not keep a server busy (V17).
///
/// Source: *Token bucket* retry budgets as in Finagle's `RetryBudget`. A pause alone does not bound the work: a thousand calls
/// that each wait politely are still a thousand attempts.
///
/// Invariant: an attempt is made only if `full_at <= now + SAVED` holds after it. So in any time `t` there are at most
/// `(SAVED + t) / period` attempts beyond the first ones.
#[derive(Clone, Debug)]
pub(super) struct RetryBudget {
    /// The time in which one attempt is earned, in nanoseconds.
    pub(super) period: u64,
    /// The time at which the budget is full if nothing is taken from it, in nanoseconds of the client's clock. `None` before
    /// the first attempt: until then the budget is that of one second, since the clock may not begin with the client.
    pub(super) full_at: Option<u64>,
}

/// The time in which a budget that was used up is full again, in nanoseconds.
pub(super) const SAVED: u64 = RETRY_SECONDS * SECOND;
/// A second, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

impl RetryBudget {
    /// The budget of a new client that earns `rate` attempts in each second.
    pub(super) fn new(rate: f64) -> Self {
        RetryBudget { period: (SECOND as f64 / rate) as u64, full_at: None } // a rate of 0 gives the longest period there is
    }

    /// Takes one attempt, to be made after `pause` and up to as long again. Returns its time. `None`: the budget is used
    /// up, or the deadline passes first.
    pub(super) fn take(
        &mut self,
        deadline: Time,
        pause: Duration,
        random: &mut fastrand::Rng,
        now: Time,
    ) -> Option<Time> {
        let due = now.plus(pause.max(Duration::from_millis(1)).mul_f64(1.0 + random.f64()));
        let now = now.0.saturating_mul(1_000);
        // Worked out when needed, so that an idle client has no timer.
        let full_at = *self.full_at.get_or_insert(now.saturating_add(SAVED - SECOND));
        // An attempt that could not end in time is not taken from the budget: other calls may need it.
        let after = bucket::take(full_at, now, self.period, SAVED).filter(|_| due < deadline)?;
        self.full_at = Some(after);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::RetryBudget;
    use crate::ids::Time;
    use std::time::Duration;

    /// The attempts that a budget gives at one time.
    fn all(budget: &mut RetryBudget, now: Time) -> usize {
        let mut random = fastrand::Rng::with_seed(1);
        let pause = Duration::from_millis(50);
        std::iter::from_fn(|| budget.take(Time::NEVER, pause, &mut random, now)).take(1000).count()
    }

    #[test]
    fn v17_a_budget_begins_with_its_rate_earns_it_each_second_and_saves_ten_seconds() {
        let mut budget = RetryBudget::new(10.0);
        let start = Time(77_000_000);
        assert_eq!(all(&mut budget, start), 10);
        assert_eq!(all(&mut budget, start), 0);
        assert_eq!(all(&mut budget, start.plus(Duration::from_millis(500))), 5);
        assert_eq!(all(&mut budget, start.plus(Duration::from_secs(3600))), 100);
    }

    #[test]
    fn an_attempt_that_would_come_after_the_deadline_costs_nothing() {
        let mut budget = RetryBudget::new(1.0);
        let mut random = fastrand::Rng::with_seed(1);
        let deadline = Time(0).plus(Duration::from_millis(50));
        assert_eq!(budget.take(deadline, Duration::from_millis(50), &mut random, Time(0)), None);
        assert_eq!(all(&mut budget, Time(0)), 1);
    }
}
