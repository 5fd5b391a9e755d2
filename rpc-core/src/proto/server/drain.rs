//! Layer 2: the end of a server: no new sessions, no new calls; calls that run finish, and every client is told.

use std::time::Duration;

use crate::ids::Time;
use crate::limits::DRAIN_LOOK_EVERY;

/// A drain under way.
///
/// It goes by looks at intervals of [`DRAIN_LOOK_EVERY`], since the facts are sums over all sessions: to keep them up to date at
/// each reply would cost every call. Invariants: `done` and `forced` are never unset. `next <= ends` until the grace is over.
#[derive(Clone, Debug)]
pub(super) struct Drain {
    /// The time at which it began.
    pub(super) began: Time,
    /// The end of the grace time.
    pub(super) ends: Time,
    /// The time of the next look.
    pub(super) next: Time,
    /// The time since which every reply has been written or acknowledged.
    pub(super) quiet_since: Option<Time>,
    /// The replies sent and sessions resumed until the last look. Each one begins the time anew, even if its bytes were written
    /// between two looks (V20).
    pub(super) events: u64,
    /// The server may end.
    pub(super) done: bool,
    /// The grace time ended first, and calls were left behind.
    pub(super) forced: bool,
}

/// The facts that a drain looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// No call is queued or running.
    pub(super) is_idle: bool,
    /// No detached session has a reply that its client may still come back for.
    pub(super) is_fetched: bool,
    /// Every attached client has acknowledged every reply.
    pub(super) is_acknowledged: bool,
    /// All replies to attached clients are written, or acknowledged.
    pub(super) is_written: bool,
    /// Replies sent and sessions resumed so far.
    pub(super) events: u64,
}

/// The result of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The drain goes on, or is done.
    Wait,
    /// The grace time is over: calls that are still queued must be refused.
    GraceOver,
}

impl Drain {
    /// Begins a drain that ends at `ends` at the latest. `events`: replies sent and sessions resumed so far.
    pub(super) fn new(ends: Time, events: u64, now: Time) -> Self {
        Drain { began: now, ends, next: now, quiet_since: None, events, done: false, forced: false }
    }

    /// Ends the drain sooner, if `ends` is sooner.
    pub(super) fn end_by(&mut self, ends: Time) {
        self.ends = self.ends.min(ends);
        self.next = self.next.min(self.ends);
    }

    /// Returns true if a session that was detached at `since` is still waited for: its client may come back and fetch what it
    /// has not seen. The time is its own, so that a drain does not take the time from a client that was cut off just before.
    pub(super) fn waits_for(&self, since: Time, most: Duration, now: Time) -> bool {
        now.since(since.max(self.began)) < most
    }

    /// Returns the time of the next look.
    pub(super) fn next_look(&self) -> Time {
        if self.done { Time::NEVER } else { self.next }
    }

    /// Returns true if a look is due.
    pub(super) fn is_due(&self, now: Time) -> bool {
        self.next_look() <= now
    }

    /// Returns true if the server may end.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Returns true if calls were left behind.
    pub(super) fn was_forced(&self) -> bool {
        self.forced
    }

    /// Decides if the drain is done: nothing is queued or running, no detached client is waited for, and every reply to an
    /// attached one is acknowledged, or was written `linger` ago; or the grace time is over.
    pub(super) fn look(&mut self, facts: Facts, linger: Duration, now: Time) -> Look {
        let grace_over = self.ends <= now;
        let is_quiet = facts.is_idle && facts.is_written;
        // A reply may be sent and written between two looks, which both find nothing unsent: the count of events tells.
        let since = self.quiet_since.filter(|_| facts.events == self.events);
        self.quiet_since = is_quiet.then(|| since.unwrap_or(now));
        self.events = facts.events;
        let lingered = self.quiet_since.is_some_and(|since| now.since(since) >= linger);
        self.next = now.plus(DRAIN_LOOK_EVERY).min(self.ends.max(now));
        self.done = grace_over || (facts.is_idle && facts.is_fetched && (facts.is_acknowledged || lingered));
        self.forced = grace_over && !facts.is_idle;
        if grace_over { Look::GraceOver } else { Look::Wait }
    }
}

#[cfg(test)]
mod tests {
    use super::{Drain, Facts, Look};
    use crate::ids::Time;
    use std::time::Duration;

    const LINGER: Duration = Duration::from_secs(2);

    fn at(millis: u64) -> Time {
        Time::default().plus(Duration::from_millis(millis))
    }

    fn facts(is_idle: bool, is_acknowledged: bool, is_written: bool) -> Facts {
        Facts { is_idle, is_fetched: true, is_acknowledged, is_written, events: 0 }
    }

    #[test]
    fn a_drain_is_done_at_once_when_every_reply_is_acknowledged() {
        let mut drain = Drain::new(at(30_000), 0, at(0));
        assert_eq!(drain.look(facts(true, true, true), LINGER, at(0)), Look::Wait);
        assert!(drain.is_done() && !drain.was_forced());
        assert!(!drain.is_due(at(60_000)), "nothing changes that any more");
    }

    #[test]
    fn v20_a_drain_lingers_for_its_time_after_the_last_reply_was_written_and_no_longer() {
        let mut drain = Drain::new(at(30_000), 0, at(0));
        drain.look(facts(true, false, true), LINGER, at(100));
        drain.look(facts(true, false, false), LINGER, at(1000)); // one more reply: the time begins anew
        drain.look(facts(true, false, true), LINGER, at(1500));
        drain.look(facts(true, false, true), LINGER, at(3499));
        assert!(!drain.is_done());
        drain.look(facts(true, false, true), LINGER, at(3500));
        assert!(drain.is_done());
    }

    #[test]
    fn v20_a_reply_that_is_sent_and_written_between_two_looks_lingers_too() {
        let mut drain = Drain::new(at(30_000), 0, at(0));
        drain.look(facts(true, false, true), LINGER, at(0));
        drain.look(Facts { events: 1, ..facts(true, false, true) }, LINGER, at(1990));
        drain.look(Facts { events: 1, ..facts(true, false, true) }, LINGER, at(3989));
        assert!(!drain.is_done());
        drain.look(Facts { events: 1, ..facts(true, false, true) }, LINGER, at(3990));
        assert!(drain.is_done());
    }

    #[test]
    fn v20_a_client_that_is_away_and_one_that_reads_slowly_are_waited_for_at_the_same_time() {
        let mut drain = Drain::new(at(30_000), 0, at(0));
        let away = |is_fetched| Facts { is_fetched, ..facts(true, false, true) };
        drain.look(away(false), LINGER, at(0));
        drain.look(away(false), LINGER, at(4_990));
        assert!(!drain.is_done());
        drain.look(away(true), LINGER, at(5_000));
        assert!(drain.is_done(), "the linger of the others has passed meanwhile");
    }

    #[test]
    fn v20_a_detached_client_has_its_time_from_its_detachment_or_from_the_begin_of_the_drain() {
        let (drain, most) = (Drain::new(at(60_000), 0, at(10_000)), Duration::from_secs(5));
        for (detached, ends) in [(1_000, 15_000), (10_000, 15_000), (12_000, 17_000)] {
            assert!(drain.waits_for(at(detached), most, at(ends - 1)), "{detached}");
            assert!(!drain.waits_for(at(detached), most, at(ends)), "{detached}");
        }
    }

    #[test]
    fn v20_a_drain_ends_with_its_grace_time_and_says_if_calls_were_left_behind() {
        let mut drain = Drain::new(at(30_000), 0, at(0));
        drain.end_by(at(10_000));
        drain.end_by(at(60_000));
        assert_eq!(drain.look(facts(false, false, true), LINGER, at(9_999)), Look::Wait);
        assert!(!drain.is_done());
        assert_eq!(drain.look(facts(false, false, true), LINGER, at(10_000)), Look::GraceOver);
        assert!(drain.is_done() && drain.was_forced());
    }
}
