//! A thread per page; the set is shared, behind a mutex.
//!
//! When is it finished? When every thread has ended. `thread::scope` is the wait group: each `spawn` is an `Add(1)`, each end
//! of a thread a `Done()`, and the end of the scope the `Wait()`. It cannot be forgotten. Because of it, the
//! threads may borrow data from outside the scope: so Rust knows when to free the set.
//!
//! The lecture starts as many threads as there are pages. `--workers` limits the number at one time; otherwise a site of
//! 40,000 pages needs 40,000 threads. A page for which there is no thread is visited by the thread that found it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, Scope};

use url::Url;

use crate::task::{Seen, Task, lock};

struct Crawl<'t> {
    task: &'t Task,
    seen: Mutex<Seen>,
    threads_left: AtomicUsize,
}

pub(super) fn crawl(task: &Task) {
    let threads_left = AtomicUsize::new(task.workers - 1); // ours is the first
    let crawl = Crawl { task, seen: Mutex::new(task.nothing_seen()), threads_left };
    let first = lock(&crawl.seen).claim(&task.first_link());
    if let Some(url) = first {
        std::thread::scope(|scope| crawl.page(scope, url));
    }
}

impl Crawl<'_> {
    fn page<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, url: Url) {
        let mut mine = vec![url];
        while let Some(url) = mine.pop() {
            for link in self.task.visit(&url) {
                let new = lock(&self.seen).claim(&link); // unlocked again before the fetch
                mine.extend(new);
            }
            while let Some(url) = mine.pop() {
                if !self.start_thread(scope, &url) {
                    mine.push(url);
                    break;
                }
            }
        }
    }

    /// Returns false if there are enough threads, or the system gives no more.
    fn start_thread<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, url: &Url) -> bool {
        let take = |left: usize| left.checked_sub(1);
        if self.threads_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            return false;
        }
        let url = url.clone(); // `move` gives each thread its own: no loop variable can be shared by mistake
        let thread = Builder::new().spawn_scoped(scope, move || {
            self.page(scope, url);
            self.threads_left.fetch_add(1, Ordering::Relaxed);
        });
        if thread.is_err() {
            self.threads_left.fetch_add(1, Ordering::Relaxed);
        }
        thread.is_ok()
    }
}
