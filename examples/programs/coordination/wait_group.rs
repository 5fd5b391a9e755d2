//! A wait group, and the one mistake that everybody makes: the thread adds itself, so whoever waits may look before it
//! has, and goes on too early. Mended: add before the thread is started. (Under the hood: a mutex and a condition variable.)

use crate::steps::{ENDS, Steps};
use crate::sync::{Arc, Condvar, Mutex, awkward_moment, thread};

#[derive(Default)]
struct WaitGroup {
    count: Mutex<usize>,
    zero: Condvar,
}

impl WaitGroup {
    fn add(&self) {
        *self.count.lock().expect("nobody panics") += 1;
    }

    fn done(&self) {
        *self.count.lock().expect("nobody panics") -= 1;
        self.zero.notify_all();
    }

    fn wait(&self) {
        let mut count = self.count.lock().expect("nobody panics");
        while *count > 0 {
            count = self.zero.wait(count).expect("nobody panics");
        }
    }
}

pub(crate) fn broken(steps: &Steps) {
    fetch(steps, false);
}

pub(crate) fn mended(steps: &Steps) {
    fetch(steps, true);
}

fn fetch(steps: &Steps, add_first: bool) {
    let group = Arc::new(WaitGroup::default());
    let pages = Arc::new(Mutex::new(0));
    for who in ["worker 1", "worker 2"] {
        if add_first {
            group.add();
        }
        let (group, pages, steps) = (Arc::clone(&group), Arc::clone(&pages), steps.clone());
        thread::spawn(move || {
            awkward_moment();
            if !add_first {
                group.add(); // too late, perhaps
            }
            steps.say(who, "fetches its page");
            *pages.lock().expect("nobody panics") += 1;
            steps.say(who, ENDS);
            group.done();
        });
    }
    group.wait();
    let fetched = *pages.lock().expect("nobody panics");
    steps.say("main", format!("goes on with {fetched} of 2 pages"));
    assert_eq!(fetched, 2, "the wait group let main go on too early");
    steps.say("main", ENDS);
}
