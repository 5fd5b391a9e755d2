//! The same mutex, and a main thread that sleeps between two checks: no core is wasted, but how long should it sleep?

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::poll::{Poll, Tally};

/// The lecture's pause.
const PAUSE: Duration = Duration::from_millis(50);

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
            thread::sleep(PAUSE); // too long is late, too short is busy
        }
    })
}
