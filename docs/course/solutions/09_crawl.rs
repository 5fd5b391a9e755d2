//! Exercise 9: the end of a crawl.
//!
//! Some workers read the pages of a site. Each takes a page that was found, reads it, finds links in it, and takes the next one. Two
//! pages may link to each other, so a page that was found before is not to be read again.
//!
//! The question is the end. A worker that finds the list empty cannot go: another worker may still read a page, and find more. And when
//! the last page has been read, the workers that wait have to be told. Write three functions:
//! * `found` notes a page. Most pages are found many times.
//! * `next` returns a page to read. It waits while there is none but a worker is busy, and returns `None` when there is none and no worker is
//!   busy.
//! * `finished` is called by a worker that has read the page which `next` gave it.
//!
//! `Mutex` and `Condvar` are those of exercise 8. The judge tries schedules of the threads. `cargo run -p rpc-course -- check 9`

use std::collections::{HashSet, VecDeque};

use rpc_course::crawl::{Frontier, Page};
use rpc_course::threads::{Condvar, Mutex};

/// The state of the crawl. Change it as you like.
#[derive(Default)]
struct State {
    /// Every page that was found.
    #[allow(dead_code, reason = "the hole needs it")]
    seen: HashSet<Page>,
    /// The pages that no worker has taken yet.
    waiting: VecDeque<Page>,
    /// The workers that read a page.
    #[allow(dead_code, reason = "the hole needs it")]
    busy: usize,
}

/// The pages that were found.
#[derive(Default)]
pub struct Mine {
    state: Mutex<State>,
    /// Signals that there is a page, or that the crawl is over.
    #[allow(dead_code, reason = "the hole needs it")]
    changed: Condvar,
}

impl Frontier for Mine {
    // ---- Your part begins here.
    fn found(&self, page: Page) {
        let mut state = self.state.lock();
        if state.seen.insert(page) {
            state.waiting.push_back(page);
            self.changed.notify_one();
        }
    }

    fn next(&self) -> Option<Page> {
        let mut state = self.state.lock();
        while state.waiting.is_empty() && state.busy > 0 {
            state = self.changed.wait(state);
        }
        let page = state.waiting.pop_front()?;
        state.busy += 1;
        Some(page)
    }

    fn finished(&self) {
        let mut state = self.state.lock();
        state.busy -= 1;
        if state.busy == 0 && state.waiting.is_empty() {
            self.changed.notify_all();
        }
    }
    // ---- Your part ends here.
}
