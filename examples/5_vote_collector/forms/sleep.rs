//! The same mutex, and a main thread that sleeps between two checks: no core is wasted, but how long should it sleep?

use std::sync::Mutex;
use std::thread;

use crate::poll::{Poll, Tally};

pub(crate) fn collect(poll: &Poll) -> Tally {
    let mu = Mutex::new(Tally::default());
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
            });
        }
        loop {
            let tally = *mu.lock().expect("no thread panics while it counts");
            if poll.is_decided(&tally) {
                break poll.decide(tally);
            }
            thread::sleep(poll.pause()); // the lecture's is 50 ms: too long is late, too short is busy (`--pause`)
        }
    })
}
