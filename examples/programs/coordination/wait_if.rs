//! `if` in place of `while` around a wait: before the woken thread has the lock again, another thread may take what the signal
//! was for. Fixed: check again after each wait.

use crate::steps::{ENDS, Steps};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, awkward_moment, thread};

/// Pages to fetch, and the signal that there is one.
type Pages = (Mutex<Vec<u32>>, Condvar);

pub(crate) fn broken(steps: &Steps) {
    two_workers(steps, |(pages, added), waits| {
        let mut list = pages.lock().expect("no thread panics");
        if list.is_empty() {
            waits();
            list = added.wait(list).expect("no thread panics");
        }
        list // perhaps empty again
    });
}

pub(crate) fn fixed(steps: &Steps) {
    two_workers(steps, |(pages, added), waits| {
        let mut list = pages.lock().expect("no thread panics");
        while list.is_empty() {
            waits();
            list = added.wait(list).expect("no thread panics");
        }
        list
    });
}

/// Waits until there is a page; the second argument is called before each wait.
type WaitForPage = for<'p> fn(&'p Pages, &dyn Fn()) -> MutexGuard<'p, Vec<u32>>;

/// Two pages and two workers, each of which takes one.
fn two_workers(steps: &Steps, wait_for_page: WaitForPage) {
    let pages = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
    let start = |name: &'static str| {
        let (pages, steps) = (Arc::clone(&pages), steps.clone());
        thread::spawn(move || {
            let page = wait_for_page(&pages, &|| steps.say(name, "sees no page, and waits")).pop();
            let what =
                page.map_or("is awake, and there is no page".to_owned(), |page| format!("takes page {page}"));
            steps.say(name, what);
            steps.say(name, ENDS);
            page
        })
    };
    let first = start("worker 1");
    awkward_moment(); // now it waits
    let second = add_page(steps, &pages, 1, || start("worker 2"));
    awkward_moment();
    add_page(steps, &pages, 2, || ());
    let taken = [first, second].map(|worker| worker.join().expect("it does not panic"));
    assert!(taken.iter().all(Option::is_some), "a worker was woken for a page that another one took");
}

/// Adds a page, and signals after it has released the lock. Calls `meanwhile` in between: nothing keeps another thread from
/// taking the page before the woken one has the lock.
fn add_page<T>(steps: &Steps, (pages, added): &Pages, page: u32, meanwhile: impl FnOnce() -> T) -> T {
    let mut list = pages.lock().expect("no thread panics");
    list.push(page);
    steps.say("main", format!("adds page {page}"));
    drop(list);
    let result = meanwhile();
    awkward_moment(); // a thread that `meanwhile` has started takes the page
    steps.say("main", "signals");
    added.notify_one();
    result
}
