//! The common part of all forms: the limits of a crawl, the visit of one page, and the recorded pages.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use url::Url;

use crate::page::{Outcome, Page};
use crate::progress::Watch;
use crate::scope::Scope;
use crate::site::Fetch;

/// A chain of redirects longer than this is dead, and is not followed further; browsers allow 20.
pub const MOST_REDIRECTS: usize = 10;

/// One crawl. The forms differ in the threads that call [`Task::visit`], and in the owner of the [`Seen`] set.
pub struct Task {
    /// The first page.
    pub start: Url,
    /// Threads or processes that fetch at once.
    pub workers: usize,
    /// Maximum number of pages.
    pub limit: usize,
    /// The links that are followed.
    pub scope: Scope,
    /// The pause between the starts of two fetches.
    pub delay: Duration,
    /// The progress.
    pub watch: Arc<Watch>,
    /// The source of pages.
    pub site: Box<dyn Fetch>,
    pages: Mutex<Vec<Page>>,
    next_turn: Mutex<Instant>,
}

impl Task {
    /// Returns a crawl of the folder of `start` on `site`, by 8 workers, without a limit or a pause.
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

    /// The lecture's `Fetch`: fetches a page, records it, and returns the links to follow. Returns none once the crawl was asked
    /// to end, which ends every form early.
    pub fn visit(&self, url: &Url) -> Vec<Link> {
        self.watch.pause(self.turn());
        if self.watch.is_stopped() {
            return Vec::new();
        }
        self.watch.started();
        let page = fetch_safely(&*self.site, url);
        self.watch.ended();
        self.record(page)
    }

    /// Records a page, and returns the links to follow.
    pub fn record(&self, page: Page) -> Vec<Link> {
        self.watch.recorded(&page);
        let moved = page.target().map(|_| page.url.clone());
        let link = |url: &Url| Link { url: url.clone(), moved: moved.clone() };
        let links = page.links.iter().filter(|link| self.scope.follows(link)).map(link).collect();
        lock(&self.pages).push(page);
        links
    }

    /// Returns the time to wait before the next fetch: the fetches of all threads start `delay` apart.
    pub fn turn(&self) -> Duration {
        let now = Instant::now();
        let mut next = lock(&self.next_turn);
        let turn = (*next).max(now);
        *next = turn + self.delay;
        turn - now
    }

    /// Returns the link to the first page.
    pub fn first_link(&self) -> Link {
        Link { url: self.start.clone(), moved: None }
    }

    /// Returns an empty set with the limit on pages.
    pub fn nothing_seen(&self) -> Seen {
        Seen {
            redirects: HashMap::new(),
            targets: HashMap::new(),
            limit: self.limit,
            watch: Arc::clone(&self.watch),
        }
    }

    /// Takes the recorded pages, in the order of their arrival.
    pub fn take_pages(&self) -> Vec<Page> {
        std::mem::take(&mut lock(&self.pages))
    }

    /// Returns the number of recorded pages.
    pub fn recorded(&self) -> usize {
        lock(&self.pages).len()
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Task({} by {} workers)", self.start, self.workers)
    }
}

/// A link to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    url: Url,
    /// The page that has moved to `url`; `None` for a plain link.
    moved: Option<Url>,
}

/// The addresses that are fetched, being fetched, or waiting for it. The lecture's `fetched` map.
///
/// It also counts redirects, because a site can redirect for ever, each time to a new address. One
/// address can be reached in several ways, and the first is found by chance. The way with the fewest redirects counts,
/// and when a shorter one is found, the redirects after it are counted again: so all forms find the same pages.
#[derive(Debug)]
pub struct Seen {
    /// The fewest redirects in a row that lead to each address.
    redirects: HashMap<Url, usize>,
    /// The targets of redirects.
    targets: HashMap<Url, Url>,
    limit: usize,
    watch: Arc<Watch>,
}

impl Seen {
    /// Returns the pages to fetch because of `link`: none if another thread claimed it before, else the link's own page.
    /// (Or, when a chain of redirects was given up and this is a shorter way into it, the page where it goes on.)
    ///
    /// Test and set are one step: between two of them another thread could claim the same page.
    pub fn claim(&mut self, link: &Link) -> Option<Url> {
        let (mut url, mut redirects) = (link.url.clone(), 0);
        if let Some(page) = &link.moved {
            self.targets.insert(page.clone(), url.clone());
            redirects = 1 + self.redirects.get(page).copied().unwrap_or_default();
        }
        while redirects <= MOST_REDIRECTS {
            match self.redirects.get_mut(&url) {
                None => return self.claim_new(url, redirects),
                Some(fewest) if *fewest <= redirects => return None,
                Some(fewest) => *fewest = redirects,
            }
            url = self.targets.get(&url)?.clone();
            redirects += 1;
        }
        None
    }

    fn claim_new(&mut self, url: Url, redirects: usize) -> Option<Url> {
        if self.redirects.len() >= self.limit {
            self.watch.limit_reached();
            return None;
        }
        self.redirects.insert(url.clone(), redirects);
        self.watch.claimed(self.redirects.len());
        Some(url)
    }
}

/// A page whose fetch panics is a page without an answer. Otherwise its thread would never report its end,
/// and a thread that counts on that would wait for ever.
pub fn fetch_safely(site: &dyn Fetch, url: &Url) -> Page {
    catch_unwind(AssertUnwindSafe(|| site.fetch(url)))
        .unwrap_or_else(|_| Page::bare(url, Outcome::NoAnswer("the crawler itself failed on it".to_owned())))
}

/// Locks. No code panics between two changes that belong together, so a poisoned lock guards valid data.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
