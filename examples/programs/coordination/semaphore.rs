//! A semaphore: at most two inside (the notes' example has three stalls). Broken: a thread that leaves early keeps its
//! permit, until no permit is left. Fixed: the permit is a guard that returns itself on every path.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::steps::{ENDS, Steps};
use crate::sync::{Arc, Condvar, Mutex, awkward_moment, thread};

/// Permits: this many guests are inside at the most.
const PERMITS: usize = 2;

struct Semaphore {
    free: Mutex<usize>,
    freed: Condvar,
    inside: AtomicUsize, // not the checker's: counting is no step
    most_inside: AtomicUsize,
}

impl Semaphore {
    fn acquire(&self) {
        let mut free = self.free.lock().expect("no thread panics");
        while *free == 0 {
            free = self.freed.wait(free).expect("no thread panics");
        }
        *free -= 1;
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_inside.fetch_max(inside, Ordering::SeqCst);
    }

    /// A guest leaves; its permit is another matter.
    fn leave(&self) {
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    fn release(&self) {
        *self.free.lock().expect("no thread panics") += 1;
        self.freed.notify_one();
    }
}

/// A permit. It is returned when it is dropped.
struct Permit<'a>(&'a Semaphore);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.leave();
        self.0.release();
    }
}

pub(crate) fn broken(steps: &Steps) {
    visit(steps, |semaphore, in_a_hurry| {
        semaphore.acquire();
        if in_a_hurry {
            semaphore.leave();
            return; // and the permit is lost
        }
        awkward_moment(); // inside
        semaphore.leave();
        semaphore.release();
    });
}

pub(crate) fn fixed(steps: &Steps) {
    visit(steps, |semaphore, in_a_hurry| {
        semaphore.acquire();
        let _permit = Permit(semaphore);
        if in_a_hurry {
            return; // the guard returns it
        }
        awkward_moment(); // inside
    });
}

/// Four visitors, three of them in a hurry: more than there are permits, so that in the broken version one of them finds
/// none left, in any order.
fn visit(steps: &Steps, inside: fn(&Semaphore, bool)) {
    let semaphore = Semaphore {
        free: Mutex::new(PERMITS),
        freed: Condvar::new(),
        inside: AtomicUsize::new(0),
        most_inside: AtomicUsize::new(0),
    };
    let semaphore = Arc::new(semaphore);
    let guests = [("guest 1", true), ("guest 2", true), ("guest 3", false), ("guest 4", true)];
    let visitors = guests.map(|(name, in_a_hurry)| {
        let (semaphore, steps) = (Arc::clone(&semaphore), steps.clone());
        thread::spawn(move || {
            steps.say(name, "wants to come in");
            inside(&semaphore, in_a_hurry);
            steps.say(name, ENDS);
        })
    });
    for visitor in visitors {
        visitor.join().expect("it does not panic");
    }
    let most = semaphore.most_inside.load(Ordering::SeqCst);
    assert!(most <= PERMITS, "{most} guests were inside at once, and there are {PERMITS} permits");
}
