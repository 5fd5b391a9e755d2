//! The mutex with a condition variable: the main thread sleeps, and each vote wakes it.

use std::sync::{Condvar, Mutex};
use std::thread;

use crate::poll::{Poll, Tally};

pub(crate) fn collect(poll: &Poll) -> Tally {
    let mu = Mutex::new(Tally::default());
    let cond = Condvar::new();
    thread::scope(|scope| {
        for voter in poll.voters() {
            let (mu, cond) = (&mu, &cond);
            scope.spawn(move || {
                let vote = poll.request_vote(voter);
                let mut tally = mu.lock().expect("no thread panics while it counts");
                if vote {
                    tally.count += 1;
                }
                tally.finished += 1;
                cond.notify_all(); // the lecture's Broadcast. It never blocks, so no thread is stuck after the majority
            });
        }
        let mut tally = mu.lock().expect("no thread panics while it counts");
        while !poll.is_decided(&tally) {
            tally = cond.wait(tally).expect("no thread panics while it counts"); // unlocks and sleeps in one step
        }
        poll.decide(*tally)
    })
}
