//! Memory visibility: one thread writes a value and then a flag, another sees the flag and reads the value. Without an
//! order between the two, it may read the old value. The other topics' checker has one memory that all threads see at once,
//! so this topic has another checker, loom, which also tries what the language's memory model allows.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use crate::steps::{ENDS, Steps};

/// Relaxed: the flag itself becomes visible, with no promise about what was written before it.
pub(crate) fn broken(steps: &Steps) {
    value_then_flag(steps, Ordering::Relaxed, Ordering::Relaxed);
}

/// Release and Acquire: a thread that sees the flag sees all that was written before it. A lock does this by itself.
pub(crate) fn fixed(steps: &Steps) {
    value_then_flag(steps, Ordering::Release, Ordering::Acquire);
}

fn value_then_flag(steps: &Steps, store: Ordering, load: Ordering) {
    let shared = Arc::new((AtomicUsize::new(0), AtomicBool::new(false)));
    let writer = thread::spawn({
        let (shared, steps) = (Arc::clone(&shared), steps.clone());
        move || {
            let (value, ready) = &*shared;
            value.store(42, Ordering::Relaxed);
            steps.say("writer", "stores the value: 42");
            ready.store(true, store);
            steps.say("writer", "stores the flag: true");
            steps.say("writer", ENDS);
        }
    });
    let (value, ready) = &*shared;
    let is_ready = ready.load(load);
    steps.say("reader", format!("loads the flag: {is_ready}"));
    if is_ready {
        let seen = value.load(Ordering::Relaxed);
        steps.say("reader", format!("loads the value: {seen}"));
        assert_eq!(seen, 42, "the flag is visible and the value is not");
    }
    writer.join().expect("it does not panic");
}
