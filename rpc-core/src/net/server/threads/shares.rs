//! Layer 4: the calls that run on threads without the loop, and the share of the threads that one caller may take.
//!
//! ```text
//!  threads of a loop:   [ slow calls of A | of B | .. |  free, the owner of the loop included ]
//!  a session may take one more thread while it has fewer slow calls than there are free threads, and all sessions of
//!  one source address together while they have fewer than three times as many
//! ```
//! So a session alone gets half of the threads, a second one half of the rest, and so on: each one that takes all that it
//! may leaves as many free as it has. A source alone gets three quarters. A caller that has none gets a thread while there
//! is one; and when calls end, a caller with few is served before one with many.

use crate::ids::Time;
use crate::limits::SOURCE_SHARE;
use crate::proto::server::Caller;

/// A call whose thread has lost the loop.
#[derive(Debug)]
struct SlowCall {
    /// The epoch in which the thread owned the loop.
    epoch: u64,
    /// The time of the turn in which the call began.
    since: Time,
    /// The session that has sent it, and its source. `None` for a loop that was parked and ran no call.
    caller: Option<Caller>,
    /// True if the watcher took the loop while it ran; false if the loop was given away before.
    was_late: bool,
}

/// The calls that run without the loop, each on a thread that has lost it.
///
/// Invariants: the epochs ascend, and each is older than the present one. The loop is taken only while a thread is left (V10).
#[derive(Debug)]
pub(in crate::net::server) struct SlowCalls {
    /// The calls, oldest first.
    calls: Vec<SlowCall>,
    /// The number of those that `was_late`.
    late: usize,
    /// Most threads that run handlers at once, the owner included.
    max_threads: usize,
}

impl SlowCalls {
    /// Returns the calls of a loop with this number of threads: none yet.
    pub(in crate::net::server) fn new(max_threads: usize) -> Self {
        SlowCalls { calls: Vec::new(), late: 0, max_threads }
    }

    /// Adds the call of the thread that owned the loop in this epoch.
    pub(in crate::net::server) fn add(
        &mut self,
        epoch: u64,
        since: Time,
        caller: Option<Caller>,
        was_late: bool,
    ) {
        debug_assert!(
            self.calls.last().is_none_or(|call| call.epoch < epoch),
            "each has an epoch of its own"
        );
        debug_assert!(
            !was_late || self.thread_left(),
            "V10: a loop that is taken has a thread to go on with"
        );
        self.calls.push(SlowCall { epoch, since, caller, was_late });
        self.late += usize::from(was_late);
    }

    /// Removes the call of the thread that owned the loop in this epoch, if it is here.
    pub(in crate::net::server) fn remove(&mut self, epoch: u64) {
        if let Ok(at) = self.calls.binary_search_by_key(&epoch, |call| call.epoch) {
            self.late -= usize::from(self.calls.remove(at).was_late);
        }
    }

    /// Returns true if a thread is left beside the one that must stay with the loop.
    pub(super) fn thread_left(&self) -> bool {
        self.calls.len() + 1 < self.max_threads
    }

    /// Returns true if this caller may take a thread for one more slow call.
    pub(super) fn may_detach(&self, caller: &Caller) -> bool {
        let of_session = self.count(|call| call.caller.is_some_and(|other| other.is_same_session(caller)));
        let of_source = self.count(|call| call.caller.is_some_and(|other| other.is_same_source(caller)));
        self.thread_left() && of_session < self.free() && of_source < self.most_of_source()
    }

    /// Returns true if a source may have its share of the threads in calls that were late: its next call must be looked at
    /// with [`may_run`](SlowCalls::may_run).
    #[inline]
    pub(in crate::net::server) fn are_crowded(&self) -> bool {
        self.late > 0 && self.late >= self.most_of_source()
    }

    /// Returns true if a call of this caller may run on the thread that has the loop. That of a source with its share in late
    /// calls may not: it may be late as well, and a call that runs already cannot be refused a thread.
    #[cold]
    pub(in crate::net::server) fn may_run(&self, caller: &Caller) -> bool {
        let late =
            self.count(|call| call.was_late && call.caller.is_some_and(|other| other.is_same_source(caller)));
        late == 0 || late < self.most_of_source()
    }

    /// Returns the time since which the oldest of them runs.
    pub(in crate::net::server) fn oldest(&self) -> Option<Time> {
        self.calls.first().map(|call| call.since)
    }

    /// Returns true if all of them began before this epoch.
    pub(in crate::net::server) fn are_before(&self, epoch: u64) -> bool {
        self.calls.iter().all(|call| call.epoch < epoch) && self.calls.is_sorted_by_key(|call| call.epoch)
    }

    /// Returns the number of threads without a slow call, the owner of the loop included.
    fn free(&self) -> usize {
        self.max_threads.saturating_sub(self.calls.len())
    }

    /// Returns the number of slow calls from which on a source gets no thread for another one.
    fn most_of_source(&self) -> usize {
        self.free().saturating_mul(SOURCE_SHARE)
    }

    /// Returns the number of calls of a kind.
    fn count(&self, is_of_kind: impl Fn(&SlowCall) -> bool) -> usize {
        self.calls.iter().filter(|call| is_of_kind(call)).count()
    }

    /// Returns the number of the calls.
    pub(in crate::net::server) fn len(&self) -> usize {
        self.calls.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls of one loop, each in an epoch of its own.
    struct Bench(SlowCalls, u64);

    impl Bench {
        fn new(threads: usize) -> Self {
            Bench(SlowCalls::new(threads), 0)
        }

        /// Adds calls until the caller has its share. Returns how many these are.
        fn takes(&mut self, caller: Caller) -> usize {
            let before = self.0.len();
            while self.0.may_detach(&caller) {
                self.add(caller, false);
            }
            self.0.len() - before
        }

        fn add(&mut self, caller: Caller, was_late: bool) {
            self.1 += 1;
            self.0.add(self.1, Time::default(), Some(caller), was_late);
        }
    }

    fn caller(session: u64, source: u8) -> Caller {
        Caller::for_test(session, Some([10, 0, 0, source].into()))
    }

    #[test]
    fn each_session_leaves_as_many_threads_as_it_takes() {
        let mut bench = Bench::new(256);
        assert_eq!(bench.takes(caller(1, 1)), 128);
        assert_eq!(bench.takes(caller(1, 1)), 0);
        assert_eq!(bench.takes(caller(2, 1)), 64, "another session of the same source");
        assert_eq!(bench.takes(caller(3, 2)), 32, "another source");
        assert_eq!(bench.takes(caller(4, 3)), 16);
    }

    #[test]
    fn many_sessions_of_one_source_leave_a_quarter() {
        let mut bench = Bench::new(256);
        let taken: usize = (0..300).map(|session| bench.takes(caller(session, 1))).sum();
        assert_eq!(taken, 192);
        assert_eq!(bench.takes(caller(900, 2)), 32);
    }

    #[test]
    fn a_session_over_its_share_waits_until_its_own_calls_end() {
        let mut bench = Bench::new(8);
        assert_eq!((bench.takes(caller(1, 1)), bench.takes(caller(2, 2))), (4, 2));
        bench.0.remove(1); // of the first session: it has 3, and 3 are free
        assert!(!bench.0.may_detach(&caller(1, 1)) && bench.0.may_detach(&caller(2, 2)));
        bench.0.remove(2);
        assert!(bench.0.may_detach(&caller(1, 1)));
    }

    #[test]
    fn the_last_thread_stays_with_the_loop() {
        for threads in 2..6 {
            let mut bench = Bench::new(threads);
            let taken: usize = (0..99).map(|n| bench.takes(caller(n, n as u8))).sum();
            assert!(taken == threads - 1 && !bench.0.thread_left());
        }
    }

    #[test]
    fn a_source_with_its_share_in_late_calls_is_refused_and_no_other() {
        let mut bench = Bench::new(16);
        (0..11).for_each(|_| bench.add(caller(1, 1), true));
        assert!(!bench.0.are_crowded() && bench.0.may_run(&caller(1, 1)));
        bench.add(caller(2, 1), true);
        assert!(bench.0.are_crowded());
        assert!(!bench.0.may_run(&caller(3, 1)) && bench.0.may_run(&caller(4, 2)));
        bench.0.remove(12);
        assert!(!bench.0.are_crowded());
    }

    #[test]
    fn calls_that_were_given_a_thread_do_not_count_as_late() {
        let mut bench = Bench::new(4);
        (0..3).for_each(|_| bench.add(caller(1, 1), false));
        assert!(!bench.0.are_crowded() && bench.0.may_run(&caller(1, 1)));
    }

    #[test]
    fn a_source_that_is_not_known_is_no_source() {
        let mut bench = Bench::new(256);
        let (one, other) = (Caller::for_test(1, None), Caller::for_test(2, None));
        assert_eq!((bench.takes(one), bench.takes(other)), (128, 64));
        assert_eq!(bench.takes(Caller::for_test(3, None)), 32);
    }
}
