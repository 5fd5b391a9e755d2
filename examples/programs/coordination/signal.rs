//! One signal, and two threads that wait for different things: the signal wakes one of them, perhaps the one that cannot
//! go on, and the other sleeps for ever. Fixed: Broadcast, which wakes all; each checks its own condition.

use crate::steps::{ENDS, Steps};
use crate::sync::{Arc, Condvar, Mutex, awkward_moment, thread};

/// The lecture's two variables.
#[derive(Clone, Copy, Default)]
struct Tally {
    count: usize,
    finished: usize,
}

pub(crate) fn broken(steps: &Steps) {
    two_waiters(steps, Condvar::notify_one);
}

pub(crate) fn fixed(steps: &Steps) {
    two_waiters(steps, Condvar::notify_all);
}

/// Two votes. The collector waits for one yes, the counter until all have finished: as in the lecture, but with two
/// waiting threads in place of one.
fn two_waiters(steps: &Steps, wake: fn(&Condvar)) {
    let shared = Arc::new((Mutex::new(Tally::default()), Condvar::new()));
    let start = |name: &'static str, waits_for: &'static str, is_enough: fn(Tally) -> bool| {
        let (shared, steps) = (Arc::clone(&shared), steps.clone());
        thread::spawn(move || {
            let (tally, changed) = &*shared;
            let mut tally = tally.lock().expect("no thread panics");
            while !is_enough(*tally) {
                steps.say(name, waits_for);
                tally = changed.wait(tally).expect("no thread panics");
            }
            steps.say(name, ENDS);
        })
    };
    let counter = start("counter", "waits until both have finished", |tally| tally.finished == 2);
    awkward_moment();
    let collector = start("collector", "waits for one yes", |tally| tally.count == 1);
    awkward_moment();
    for yes in [true, false] {
        let (tally, changed) = &*shared;
        let mut tally = tally.lock().expect("no thread panics");
        tally.count += usize::from(yes);
        tally.finished += 1;
        steps.say("main", if yes { "counts a yes, and wakes" } else { "counts a no, and wakes" });
        wake(changed);
        drop(tally);
        awkward_moment();
    }
    steps.say("main", "waits until both threads have ended");
    for thread in [counter, collector] {
        thread.join().expect("it does not panic");
    }
    steps.say("main", ENDS);
}
