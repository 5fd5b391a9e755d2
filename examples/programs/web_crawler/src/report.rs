//! The result of a crawl: the pages in one order, the dead links and their places.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use url::Url;

use crate::failure::DEAD_LINKS_FOUND;
use crate::page::Page;
use crate::scope::LONGEST_URL;
use crate::task::{MOST_REDIRECTS, Task};

/// Number of addresses, and of places of each, that a summary names; `--format json` names them all.
const NAMED: usize = 20;
const PLACES_NAMED: usize = 3;

/// The result of a crawl. It does not depend on the form: pages are ordered by address, not by arrival.
#[derive(Debug)]
pub struct Report {
    /// The pages by address.
    pub pages: BTreeMap<Url, Page>,
    /// The dead pages among them, with the reasons.
    pub dead: BTreeMap<Url, String>,
    /// The time that it took.
    pub took: Duration,
    /// The most pages that were being fetched at once.
    pub most_in_flight: usize,
    /// True if the limit on pages left some out.
    pub cut_short: bool,
    /// Links whose addresses are too long to be followed, with the first page that has each.
    pub too_long: BTreeMap<Url, Url>,
    /// The exit status of a crawl that a signal has stopped.
    pub interrupted: Option<u8>,
}

impl Report {
    /// Takes the pages out of a crawl that has ended.
    pub fn of(task: &Task, took: Duration) -> Self {
        let pages: BTreeMap<Url, Page> =
            task.take_pages().into_iter().map(|page| (page.url.clone(), page)).collect();
        let why_dead =
            |page: &Page| Some((page.url.clone(), page.why_dead().or_else(|| astray(page, &pages))?));
        let dead = pages.values().filter_map(why_dead).collect();
        let links = pages.iter().flat_map(|(from, page)| page.links.iter().map(move |link| (link, from)));
        let mut too_long = BTreeMap::new();
        for (link, from) in links.filter(|(link, _)| task.scope.is_too_long(link)) {
            too_long.entry(link.clone()).or_insert_with(|| from.clone());
        }
        let watch = &task.watch;
        Report {
            dead,
            too_long,
            pages,
            took,
            most_in_flight: watch.most_in_flight(),
            cut_short: watch.was_cut_short(),
            interrupted: watch.interrupted(),
        }
    }

    /// Returns for each page the first page, in the order of addresses, that links to it.
    pub fn found_on(&self) -> BTreeMap<&Url, &Url> {
        let mut found_on = BTreeMap::new();
        for (from, page) in &self.pages {
            for link in page.links.iter().filter(|link| *link != from) {
                found_on.entry(link).or_insert(from);
            }
        }
        found_on
    }

    /// Returns for each of these addresses all pages that link to it.
    pub fn places<'r>(&'r self, of: impl Iterator<Item = &'r Url>) -> BTreeMap<&'r Url, BTreeSet<&'r Url>> {
        let mut places: BTreeMap<&Url, BTreeSet<&Url>> = of.map(|url| (url, BTreeSet::new())).collect();
        for (from, page) in &self.pages {
            for link in &page.links {
                if let Some(places) = places.get_mut(link) {
                    places.insert(from);
                }
            }
        }
        places
    }

    /// Returns the existing pages whose links are unknown, with the reasons.
    pub fn cut_off(&self) -> BTreeMap<&Url, &str> {
        self.pages.iter().filter_map(|(url, page)| Some((url, page.why_cut_off()?))).collect()
    }

    /// Returns the problems that were found, for people: whole lines.
    pub fn findings(&self) -> Findings<'_> {
        Findings(self)
    }

    /// Returns the exit status of the result.
    pub fn status(&self) -> u8 {
        self.interrupted.unwrap_or(if self.dead.is_empty() { 0 } else { DEAD_LINKS_FOUND })
    }

    /// Bytes of all pages together.
    pub fn bytes(&self) -> u64 {
        self.pages.values().map(|page| page.bytes).sum()
    }

    /// Pages in a second.
    pub fn rate(&self) -> f64 {
        self.pages.len() as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

impl Report {
    /// Returns a line for each of these addresses, with the reason and the places.
    fn list<'r>(
        &'r self,
        f: &mut fmt::Formatter<'_>,
        of: impl ExactSizeIterator<Item = (&'r Url, &'r str)> + Clone,
    ) -> fmt::Result {
        let more = of.len().saturating_sub(NAMED);
        let places = self.places(of.clone().map(|(url, _)| url));
        for (url, why) in of.take(NAMED) {
            let on = places.get(url).into_iter().flatten();
            let named: Vec<&str> = on.clone().take(PLACES_NAMED).map(|place| place.as_str()).collect();
            let named = if named.is_empty() { "no page: it is the start".into() } else { named.join(", ") };
            write!(f, "  {url} ({why}), found on {named}")?;
            match on.count().saturating_sub(PLACES_NAMED) {
                0 => writeln!(f)?,
                more => writeln!(f, " and {more} more")?,
            }
        }
        if more > 0 { writeln!(f, "  and {more} more") } else { Ok(()) }
    }
}

/// Returns why a redirect leads nowhere, if it does. This needs the whole crawl: each page of a chain was fetched once,
/// by itself, and perhaps by another thread.
fn astray(page: &Page, pages: &BTreeMap<Url, Page>) -> Option<String> {
    let mut chain = vec![&page.url];
    let mut next = page.target();
    while let Some(url) = next {
        if chain.contains(&url) {
            return Some("a redirect loop".to_owned());
        }
        if chain.len() > MOST_REDIRECTS {
            return Some(format!("more than {MOST_REDIRECTS} redirects"));
        }
        chain.push(url);
        next = pages.get(url).and_then(Page::target);
    }
    None
}

/// Returns the beginning of a long address.
fn shortened(url: &Url) -> String {
    match url.as_str().char_indices().nth(100) {
        Some((end, _)) => format!("{}..", &url.as_str()[..end]),
        None => url.to_string(),
    }
}

/// The summary for people: whole lines.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} pages, {} in {:.2} s: {:.0} pages/s, at most {} in flight{}{}",
            self.pages.len(),
            indicatif::HumanBytes(self.bytes()),
            self.took.as_secs_f64(),
            self.rate(),
            self.most_in_flight,
            if self.cut_short { "; the limit on pages left some out" } else { "" },
            if self.interrupted.is_some() { "; stopped by a signal before the end" } else { "" },
        )?;
        self.findings().fmt(f)
    }
}

/// The part of the summary that does not depend on the form or on the moment.
#[derive(Debug)]
pub struct Findings<'r>(&'r Report);

impl fmt::Display for Findings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Findings(report) = self;
        if let Some((link, from)) = report.too_long.first_key_value() {
            let (count, longest) = (report.too_long.len(), LONGEST_URL);
            let links = if count == 1 { "1 link was" } else { &*format!("{count} links were") };
            writeln!(f, "{links} not followed, being longer than {longest} characters:")?;
            writeln!(f, "  {}, found on {}", shortened(link), shortened(from))?;
        }
        let cut_off = report.cut_off();
        match cut_off.len() {
            0 => {}
            1 => writeln!(f, "1 page was cut off, or not read:")?,
            many => writeln!(f, "{many} pages were cut off, or not read:")?,
        }
        report.list(f, cut_off.iter().map(|(url, why)| (*url, *why)))?;
        match report.dead.len() {
            0 => writeln!(f, "no dead links")?,
            1 => writeln!(f, "1 dead link:")?,
            many => writeln!(f, "{many} dead links:")?,
        }
        report.list(f, report.dead.iter().map(|(url, why)| (url, why.as_str())))
    }
}
