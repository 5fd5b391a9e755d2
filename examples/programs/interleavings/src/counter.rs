//! `n = n + 1` without a lock, in two threads, and with one step instead of three.

use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;

use crate::steps::{ENDS, Steps};

pub(crate) fn broken(steps: &Steps) {
    two_threads(steps, |steps, name, n| {
        let seen = n.load(Ordering::SeqCst);
        steps.say(name, format!("loads n: {seen}"));
        n.store(seen + 1, Ordering::SeqCst);
        steps.say(name, format!("stores n: {}", seen + 1));
    });
}

pub(crate) fn fixed(steps: &Steps) {
    two_threads(steps, |steps, name, n| {
        let before = n.fetch_add(1, Ordering::SeqCst);
        steps.say(name, format!("adds one to n in one step: {}", before + 1));
    });
}

fn two_threads(steps: &Steps, add_one: fn(&Steps, &'static str, &AtomicUsize)) {
    let n = Arc::new(AtomicUsize::new(0));
    let threads = ["thread 1", "thread 2"].map(|name| {
        let (n, steps) = (Arc::clone(&n), steps.clone());
        thread::spawn(move || {
            add_one(&steps, name, &n);
            steps.say(name, ENDS);
        })
    });
    for thread in threads {
        thread.join().expect("it does not panic");
    }
    let n = n.load(Ordering::SeqCst);
    assert_eq!(n, 2, "an update is lost");
}
