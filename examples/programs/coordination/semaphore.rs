//! A semaphore: at most two inside (the notes' example has three stalls). Broken: a thread that leaves early keeps its
//! permit, until no permit is left. Fixed: the permit is a guard that returns itself on every path.

use crate::steps::{ENDS, Steps};
use crate::sync::{Arc, Condvar, Mutex, awkward_moment, thread};

struct Semaphore {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Semaphore {
    fn acquire(&self) {
        let mut free = self.free.lock().expect("no thread panics");
        while *free == 0 {
            free = self.freed.wait(free).expect("no thread panics");
        }
        *free -= 1;
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
        self.0.release();
    }
}

pub(crate) fn broken(steps: &Steps) {
    visit(steps, |semaphore, in_a_hurry| {
        semaphore.acquire();
        if in_a_hurry {
            return; // and the permit is lost
        }
        awkward_moment(); // inside
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
    let semaphore = Arc::new(Semaphore { free: Mutex::new(2), freed: Condvar::new() });
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
}
