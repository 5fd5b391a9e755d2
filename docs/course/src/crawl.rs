//! Exercise 10: the end of a crawl.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use fastrand::Rng;

use crate::judge::{Fault, Judge, fault};
use crate::story::tell;
use crate::threads::{self, broken, name, point};

/// A page, by its number. The crawl begins with page 0.
pub type Page = usize;

/// The part that the reader writes: the pages that were found, shared by all workers.
pub trait Frontier: Default + Send + Sync + 'static {
    /// A page was found: by a worker that reads a page with a link to it, or at the start. Most pages are found many times.
    fn found(&self, page: Page);

    /// Returns a page to read. Waits while there is none but another worker may still find one. Returns `None` when the crawl is over.
    fn next(&self) -> Option<Page>;

    /// The worker has read the page that `next` gave it, and has found all of its links.
    fn finished(&self);
}

/// The links of each page, the number of workers, and a schedule.
#[derive(Clone)]
pub struct Site {
    links: Vec<Vec<Page>>,
    workers: usize,
    schedule: Vec<u8>,
}

/// The judge.
pub struct Course<M>(PhantomData<M>);

#[derive(Default)]
struct Seen {
    read: BTreeSet<Page>,
    busy: usize,
}

impl<M: Frontier> Judge for Course<M> {
    type Case = Site;
    const STORIES: u64 = threads::STORIES;

    fn draw(random: &mut Rng, size: usize) -> Site {
        let pages = random.usize(1..=2 + size / 3);
        let links = (0..pages).map(|page| {
            let mut links: Vec<Page> = (0..random.usize(0..3)).map(|_| random.usize(0..pages)).collect();
            links.extend((page + 1 < pages && random.bool()).then_some(page + 1));
            links
        });
        let links = links.collect();
        Site { links, workers: random.usize(1..=3), schedule: threads::draw(random, size) }
    }

    fn simpler(case: &Site) -> Vec<Site> {
        let mut simpler = Vec::new();
        if case.workers > 1 {
            simpler.push(Site { workers: case.workers - 1, ..case.clone() });
        }
        for page in 0..case.links.len() {
            for link in 0..case.links[page].len() {
                let mut site = case.clone();
                site.links[page].remove(link);
                simpler.push(site);
            }
        }
        simpler.extend(
            threads::simpler(&case.schedule).into_iter().map(|schedule| Site { schedule, ..case.clone() }),
        );
        simpler
    }

    fn play(case: &Site) -> Result<(), Fault> {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (links, workers, shared) = (Arc::new(case.links.clone()), case.workers, Arc::clone(&seen));
        let ending = threads::play(&case.schedule, "worker 1", move || {
            let frontier = Arc::new(M::default());
            frontier.found(0);
            for number in 2..=workers {
                let (frontier, links, seen) =
                    (Arc::clone(&frontier), Arc::clone(&links), Arc::clone(&shared));
                threads::spawn(format!("worker {number}"), move || work(&*frontier, &links, &seen));
            }
            work(&*frontier, &links, &shared);
        })?;
        if let Some(waits) = ending.waiting.first() {
            return fault(
                "stuck",
                format!(
                    "no page is left and no worker reads one, and {waits}, for ever: the crawl is over, and the worker has to be told"
                ),
            );
        }
        let read = &seen.lock().unwrap_or_else(PoisonError::into_inner).read;
        match reachable(&case.links).difference(read).next() {
            Some(page) => fault("missed", format!("page {page} was found, and no worker has read it")),
            None => Ok(()),
        }
    }
}

fn work(frontier: &impl Frontier, links: &[Vec<Page>], seen: &Mutex<Seen>) {
    let seen = || seen.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some(page) = frontier.next() {
        tell(format!("{} reads page {page}", name()));
        {
            let mut seen = seen();
            seen.busy += 1;
            if !seen.read.insert(page) {
                drop(seen);
                broken(
                    "twice",
                    format!(
                        "page {page} is read twice: a page that was found before is not to be read again"
                    ),
                );
            }
        }
        point();
        for link in &links[page] {
            tell(format!("{} finds page {link}", name()));
            frontier.found(*link);
        }
        seen().busy -= 1;
        tell(format!("{} has finished page {page}", name()));
        frontier.finished();
    }
    tell(format!("{} ends: `next` gave None", name()));
    let busy = seen().busy;
    if busy > 0 {
        broken(
            "early",
            "a worker ends while another one still reads a page, which may have links: an empty list is not the end",
        );
    }
}

/// Returns the pages that a crawl has to read.
fn reachable(links: &[Vec<Page>]) -> BTreeSet<Page> {
    let (mut found, mut next) = (BTreeSet::from([0]), vec![0]);
    while let Some(page) = next.pop() {
        next.extend(links[page].iter().copied().filter(|link| found.insert(*link)));
    }
    found
}
