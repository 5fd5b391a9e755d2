//! A condition variable that is waited for without a check: an earlier signal is lost, and no other comes.
//! Fixed: check the condition under the lock, and wait only while it is false.

use crate::steps::{ENDS, Steps};
use crate::sync::{Arc, Condvar, Mutex, awkward_moment, thread};

pub(crate) fn broken(steps: &Steps) {
    let (pair, voter) = start_voter(steps);
    let (ready, cond) = &*pair;
    steps.say("main", "goes to sleep without a check of `ready`");
    awkward_moment();
    let guard = ready.lock().expect("no thread panics");
    drop(cond.wait(guard)); // the signal may have come before
    steps.say("main", ENDS);
    voter.join().expect("it does not panic");
}

pub(crate) fn fixed(steps: &Steps) {
    let (pair, voter) = start_voter(steps);
    let (ready, cond) = &*pair;
    awkward_moment();
    let mut guard = ready.lock().expect("no thread panics");
    while !*guard {
        steps.say("main", "sees that it is not ready, and sleeps");
        guard = cond.wait(guard).expect("no thread panics"); // unlocks and sleeps in one step
    }
    drop(guard);
    steps.say("main", ENDS);
    voter.join().expect("it does not panic");
}

type Pair = Arc<(Mutex<bool>, Condvar)>;

fn start_voter(steps: &Steps) -> (Pair, thread::JoinHandle<()>) {
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let (shared, steps) = (Arc::clone(&pair), steps.clone());
    let voter = thread::spawn(move || {
        let (ready, cond) = &*shared;
        let mut guard = ready.lock().expect("no thread panics");
        *guard = true;
        cond.notify_one(); // wakes a thread that sleeps now, and none that sleeps later
        drop(guard);
        steps.say("voter", "sets `ready`, and signals");
        steps.say("voter", ENDS);
    });
    (pair, voter)
}
