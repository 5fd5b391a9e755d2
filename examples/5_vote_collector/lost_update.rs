//! The search for the lost update: the same votes are counted again and again without a lock, until one is missing.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::forms::racy::add_one;

/// Tries at the most, and the longest time.
const MOST_ROUNDS: usize = 50_000;
const LONGEST: Duration = Duration::from_secs(10);
/// Additions of each of two threads.
const ADDITIONS: usize = 1_000_000;

/// The result of a search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// Rounds that were counted.
    pub(crate) rounds: usize,
    /// The count of the last round; it is too small, unless the search gave up.
    pub(crate) counted: usize,
}

/// Counts `yes` votes, a thread each, all at the same moment, until one is lost or the bound is reached.
pub(crate) fn count_until_one_is_lost(yes: usize) -> Found {
    let count = AtomicUsize::new(0);
    let rounds = AtomicUsize::new(0);
    let over = AtomicUsize::new(0); // more than 0: the search is over
    let line = Barrier::new(yes);
    let begun = Instant::now();
    let voter = || {
        loop {
            line.wait(); // all begin together
            add_one(&count);
            if line.wait().is_leader() {
                let round = rounds.fetch_add(1, Ordering::SeqCst) + 1;
                let lost = count.load(Ordering::SeqCst) < yes;
                if lost || round == MOST_ROUNDS || begun.elapsed() > LONGEST {
                    over.store(1, Ordering::SeqCst);
                } else {
                    count.store(0, Ordering::SeqCst);
                }
            }
            line.wait(); // no thread begins before the leader has checked
            if over.load(Ordering::SeqCst) > 0 {
                return;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..yes {
            scope.spawn(voter);
        }
    });
    Found { rounds: rounds.load(Ordering::SeqCst), counted: count.load(Ordering::SeqCst) }
}

/// The notes' `n = n + 1` in two threads, a million times each: what should be there.
pub(crate) const SHOULD_BE: usize = 2 * ADDITIONS;

/// Lets the two threads add, again and again, until an update is lost or the bound is reached. On a busy machine one
/// thread may be done before the other has begun, and then nothing is lost.
pub(crate) fn add_until_one_is_lost() -> Found {
    again_until_lost(SHOULD_BE, LONGEST, two_threads_add)
}

fn again_until_lost(should_be: usize, longest: Duration, add: impl Fn() -> usize) -> Found {
    let begun = Instant::now();
    let mut found = Found { rounds: 0, counted: should_be };
    while found.counted == should_be && found.rounds < MOST_ROUNDS && begun.elapsed() < longest {
        found = Found { rounds: found.rounds + 1, counted: add() };
    }
    found
}

fn two_threads_add() -> usize {
    let n = AtomicUsize::new(0);
    let line = Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                line.wait();
                (0..ADDITIONS).for_each(|_| add_one(&n));
            });
        }
    });
    n.load(Ordering::SeqCst)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_try_that_loses_nothing_is_not_the_last() {
        let sums = Cell::new([6, 6, 5].as_slice());
        let add = || {
            let (first, rest) = sums.get().split_first().expect("it ends at the first loss");
            sums.set(rest);
            *first
        };
        let found = again_until_lost(6, Duration::MAX, add);
        assert_eq!((found.rounds, found.counted), (3, 5));
    }

    #[test]
    fn the_tries_have_an_end() {
        let found = again_until_lost(6, Duration::MAX, || 6);
        assert_eq!((found.rounds, found.counted), (MOST_ROUNDS, 6));
    }
}
