//! A mutex around the two counts, and a main thread that checks them without pause: correct, but it wastes a core.

use std::hint;
use std::sync::Mutex;
use std::thread;

use crate::poll::{Poll, Tally};

pub(crate) fn collect(poll: &Poll) -> Tally {
    let mu = Mutex::new(Tally::default()); // in Rust the lock holds what it guards: no thread can forget to take it
    thread::scope(|scope| {
        for voter in poll.voters() {
            let mu = &mu;
            scope.spawn(move || {
                let vote = poll.request_vote(voter);
                let mut tally = mu.lock().expect("no thread panics while it counts");
                if vote {
                    tally.count += 1;
                }
                tally.finished += 1;
            }); // the guard is dropped, which unlocks: the lecture's `defer mu.Unlock()`
        }
        loop {
            let tally = *mu.lock().expect("no thread panics while it counts");
            if poll.is_decided(&tally) {
                break poll.decide(tally);
            }
            hint::spin_loop();
        }
    }) // the scope ends when all its threads have ended
}
