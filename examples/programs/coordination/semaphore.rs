//! A semaphore: at most two inside (the notes' example has three stalls). Broken: who leaves early keeps its permit, and
//! in the end nobody comes in. Mended: the permit is a guard that gives itself back on every path.

use crate::steps::{ENDS, Steps};
use crate::sync::{Arc, Condvar, Mutex, awkward_moment, thread};

struct Semaphore {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Semaphore {
    fn acquire(&self) {
        let mut free = self.free.lock().expect("nobody panics");
        while *free == 0 {
            free = self.freed.wait(free).expect("nobody panics");
        }
        *free -= 1;
    }

    fn release(&self) {
        *self.free.lock().expect("nobody panics") += 1;
        self.freed.notify_one();
    }
}

/// A place inside. Dropped: given back.
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
            return; // and the permit is gone
        }
        awkward_moment(); // inside
        semaphore.release();
    });
}

pub(crate) fn mended(steps: &Steps) {
    visit(steps, |semaphore, in_a_hurry| {
        semaphore.acquire();
        let _permit = Permit(semaphore);
        if in_a_hurry {
            return; // the guard gives it back
        }
        awkward_moment(); // inside
    });
}

/// Four visitors, three of them in a hurry: more than there are permits, so that in the broken twin one of them finds none
/// left whatever the order they come in.
fn visit(steps: &Steps, inside: fn(&Semaphore, bool)) {
    let semaphore = Arc::new(Semaphore { free: Mutex::new(2), freed: Condvar::new() });
    let guests = [("guest 1", true), ("guest 2", true), ("guest 3", false), ("guest 4", true)];
    let visitors = guests.map(|(who, in_a_hurry)| {
        let (semaphore, steps) = (Arc::clone(&semaphore), steps.clone());
        thread::spawn(move || {
            steps.say(who, "wants to come in");
            inside(&semaphore, in_a_hurry);
            steps.say(who, ENDS);
        })
    });
    for visitor in visitors {
        visitor.join().expect("it does not panic");
    }
}
