//! The lecture's first program as far as Rust lets it compile: two counts without a lock. An atomic makes each load and
//! each store indivisible, but not the two together.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::poll::{Poll, Tally};

pub(crate) fn collect(poll: &Poll) -> Tally {
    let count = AtomicUsize::new(0);
    let finished = AtomicUsize::new(0);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for voter in poll.voters() {
            let (count, finished) = (&count, &finished);
            threads.push(scope.spawn(move || {
                let vote = poll.request_vote(voter);
                if vote {
                    add_one(count);
                }
                add_one(finished);
            }));
        }
        loop {
            let ended = threads.iter().all(|thread| thread.is_finished());
            let tally = Tally { count: load(&count), finished: load(&finished) };
            // The lecture's program has no `ended`: when an update of `finished` is lost, it waits for ever.
            if poll.is_decided(&tally) || ended {
                break poll.decide(tally);
            }
            thread::sleep(Duration::from_millis(1));
        }
    })
}

/// `n = n + 1`: a load, an addition, a store. A store by another thread in between is overwritten.
pub(crate) fn add_one(n: &AtomicUsize) {
    n.store(load(n) + 1, Ordering::SeqCst);
}

fn load(n: &AtomicUsize) -> usize {
    n.load(Ordering::SeqCst)
}
