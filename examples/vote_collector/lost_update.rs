//! The lost update, looked for: the same votes counted again and again without a lock, until one of them is missing.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::forms::racy::add_one;

/// Tries at the most, and the longest time.
const MOST_ROUNDS: usize = 50_000;
const LONGEST: Duration = Duration::from_secs(10);
/// Tries at the most of the two threads that add.
const MOST_TRIES: usize = 100;
/// Additions of each of two threads.
const ADDITIONS: usize = 1_000_000;

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// Rounds that were counted.
    pub(crate) rounds: usize,
    /// What the last of them counted; less than it should be, unless the search gave up.
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
            line.wait(); // nobody begins before the leader has looked
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

/// The notes' `n = n + 1` in two threads, a million times each: what should be there, and what is. On a machine with one
/// core nothing is lost when the threads happen to run one after the other: then they run again.
pub(crate) fn two_threads_add() -> (usize, usize) {
    let tries = (0..MOST_TRIES).map(|_| two_threads_add_once());
    tries.into_iter().find(|(should, is)| is < should).unwrap_or((2 * ADDITIONS, 2 * ADDITIONS))
}

fn two_threads_add_once() -> (usize, usize) {
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
    (2 * ADDITIONS, n.load(Ordering::SeqCst))
}
