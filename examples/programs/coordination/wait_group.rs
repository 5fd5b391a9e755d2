//! A wait group with the most frequent mistake: the thread adds itself, so the waiting thread may check too early
//! and go on. Fixed: add before the thread is started. (A wait group is a mutex and a condition variable.)

use crate::steps::{ENDS, Steps};
use crate::sync::{Arc, Condvar, Mutex, awkward_moment, thread};

#[derive(Default)]
struct WaitGroup {
    count: Mutex<usize>,
    zero: Condvar,
}

impl WaitGroup {
    fn add(&self) {
        *self.count.lock().expect("no thread panics") += 1;
    }

    fn done(&self) {
        *self.count.lock().expect("no thread panics") -= 1;
        self.zero.notify_all();
    }

    fn wait(&self) {
        let mut count = self.count.lock().expect("no thread panics");
        while *count > 0 {
            count = self.zero.wait(count).expect("no thread panics");
        }
    }
}

pub(crate) fn broken(steps: &Steps) {
    fetch(steps, false);
}

pub(crate) fn fixed(steps: &Steps) {
    fetch(steps, true);
}

fn fetch(steps: &Steps, add_first: bool) {
    let group = Arc::new(WaitGroup::default());
    let pages = Arc::new(Mutex::new(0));
    for name in ["worker 1", "worker 2"] {
        if add_first {
            group.add();
        }
        let (group, pages, steps) = (Arc::clone(&group), Arc::clone(&pages), steps.clone());
        thread::spawn(move || {
            awkward_moment();
            if !add_first {
                group.add(); // too late, perhaps
            }
            steps.say(name, "fetches its page");
            *pages.lock().expect("no thread panics") += 1;
            steps.say(name, ENDS);
            group.done();
        });
    }
    group.wait();
    let fetched = *pages.lock().expect("no thread panics");
    steps.say("main", format!("goes on with {fetched} of 2 pages"));
    assert_eq!(fetched, 2, "the wait group let main go on too early");
    steps.say("main", ENDS);
}
