//! What all forms share: what to crawl, how one page is visited, and where the pages are recorded.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use url::Url;

use crate::page::{Outcome, Page};
use crate::progress::Watch;
use crate::scope::Scope;
use crate::site::Fetch;

/// One crawl, as it is asked for. The forms differ in who calls [`Task::visit`], and in who holds the [`Seen`] set.
pub struct Task {
    /// The first page.
    pub start: Url,
    /// Threads or processes that fetch at once.
    pub workers: usize,
    /// Pages at most.
    pub limit: usize,
    /// Where it may go.
    pub scope: Scope,
    /// The pause between the starts of two fetches.
    pub delay: Duration,
    /// Who looks on.
    pub watch: Arc<Watch>,
    /// Where pages come from.
    pub site: Box<dyn Fetch>,
    pages: Mutex<Vec<Page>>,
    next_turn: Mutex<Instant>,
}

impl Task {
    /// A crawl of the folder of `start` on `site`, by 8 workers, without an end or a pause.
    pub fn new(start: Url, site: Box<dyn Fetch>) -> Self {
        Task {
            scope: Scope::below(&start),
            start,
            workers: 8,
            limit: usize::MAX,
            delay: Duration::ZERO,
            watch: Arc::default(),
            site,
            pages: Mutex::default(),
            next_turn: Mutex::new(Instant::now()),
        }
    }

    /// The lecture's `Fetch`: asks for a page, records it, and returns the links that are worth following.
    /// Nothing, once the crawl was asked to end: that is how every form comes to its end early.
    pub fn visit(&self, url: &Url) -> Vec<Url> {
        if self.watch.is_stopped() {
            return Vec::new();
        }
        thread::sleep(self.turn());
        self.watch.started();
        let page = fetch_safely(&*self.site, url);
        self.watch.ended();
        self.record(page)
    }

    /// Records a page, and returns the links that are worth following.
    pub fn record(&self, page: Page) -> Vec<Url> {
        self.watch.recorded(&page);
        let links = page.links.iter().filter(|link| self.scope.follows(link)).cloned().collect();
        lock(&self.pages).push(page);
        links
    }

    /// Takes the next turn to fetch, and says how long to wait for it: everybody's fetches start `delay` apart.
    pub fn turn(&self) -> Duration {
        let now = Instant::now();
        let mut next = lock(&self.next_turn);
        let turn = (*next).max(now);
        *next = turn + self.delay;
        turn - now
    }

    /// A set for a form to keep, bounded by the limit on pages.
    pub fn nothing_seen(&self) -> Seen {
        Seen { urls: HashSet::new(), limit: self.limit, watch: Arc::clone(&self.watch) }
    }

    /// The pages that were recorded, in the order of their arrival. They are taken out.
    pub fn take_pages(&self) -> Vec<Page> {
        std::mem::take(&mut lock(&self.pages))
    }

    /// How many pages were recorded.
    pub fn recorded(&self) -> usize {
        lock(&self.pages).len()
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Task({} by {} workers)", self.start, self.workers)
    }
}

/// The addresses that are taken care of: fetched, being fetched, or waiting for it. The lecture's `fetched` map.
#[derive(Debug)]
pub struct Seen {
    urls: HashSet<Url>,
    limit: usize,
    watch: Arc<Watch>,
}

impl Seen {
    /// Whether the caller is the first to come with `url`, and so has to see that it is fetched. Test and set are one
    /// step: between two of them another thread could claim the same page.
    pub fn claim(&mut self, url: &Url) -> bool {
        if self.urls.len() >= self.limit {
            self.watch.limit_reached(!self.urls.contains(url));
            return false;
        }
        let first = self.urls.insert(url.clone());
        if first {
            self.watch.claimed(self.urls.len());
        }
        first
    }
}

/// A page whose fetch panics is a page without an answer. Otherwise its thread would never say that it is finished,
/// and whoever counts on that would wait for ever.
pub fn fetch_safely(site: &dyn Fetch, url: &Url) -> Page {
    catch_unwind(AssertUnwindSafe(|| site.fetch(url)))
        .unwrap_or_else(|_| Page::bare(url, Outcome::NoAnswer("the crawler itself failed on it".to_owned())))
}

/// Locks on. No code panics between two changes that belong together, so a poisoned lock guards nothing broken.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
