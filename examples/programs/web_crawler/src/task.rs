//! What all forms share: what to crawl, how one page is visited, and where the pages are recorded.

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

    /// Records a page, and returns the links that are worth following.
    pub fn record(&self, page: Page) -> Vec<Link> {
        self.watch.recorded(&page);
        let moved = page.target().map(|_| page.url.clone());
        let link = |url: &Url| Link { url: url.clone(), moved: moved.clone() };
        let links = page.links.iter().filter(|link| self.scope.follows(link)).map(link).collect();
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

    /// What leads to the first page.
    pub fn first_link(&self) -> Link {
        Link { url: self.start.clone(), moved: None }
    }

    /// A set for a form to keep, bounded by the limit on pages.
    pub fn nothing_seen(&self) -> Seen {
        Seen {
            redirects: HashMap::new(),
            targets: HashMap::new(),
            limit: self.limit,
            watch: Arc::clone(&self.watch),
        }
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

/// A link that is worth following.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    url: Url,
    /// The page that has moved to `url`; none where a page merely links to it.
    moved: Option<Url>,
}

/// The addresses that are taken care of: fetched, being fetched, or waiting for it. The lecture's `fetched` map.
///
/// It also counts redirects, because a site can send us on for ever, each time to an address that nobody has seen. One
/// address can be reached in several ways, and which comes first is chance. The way with the fewest redirects counts,
/// and when a shorter one turns up, the redirects behind it are counted again: so all forms find the same pages.
#[derive(Debug)]
pub struct Seen {
    /// The fewest redirects in a row that lead to each address.
    redirects: HashMap<Url, usize>,
    /// Where pages have moved to.
    targets: HashMap<Url, Url>,
    limit: usize,
    watch: Arc<Watch>,
}

impl Seen {
    /// What the caller must see fetched because of `link`: nothing if somebody came before, else the link's own page.
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
