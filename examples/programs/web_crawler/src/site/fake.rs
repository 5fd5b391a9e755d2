//! The lecture's site: five addresses, a cycle, and one page that is missing.

use std::thread;
use std::time::Duration;

use url::Url;

use super::Fetch;
use crate::page::{Outcome, Page};

const START: &str = "http://golang.org/";

const PAGES: [(&str, &[&str]); 4] = [
    ("http://golang.org/", &["http://golang.org/pkg/", "http://golang.org/cmd/"]),
    (
        "http://golang.org/pkg/",
        &[
            "http://golang.org/",
            "http://golang.org/cmd/",
            "http://golang.org/pkg/fmt/",
            "http://golang.org/pkg/os/",
        ],
    ),
    ("http://golang.org/pkg/fmt/", &["http://golang.org/", "http://golang.org/pkg/"]),
    ("http://golang.org/pkg/os/", &["http://golang.org/", "http://golang.org/pkg/"]),
];

/// The lecture's `fakeFetcher`.
#[derive(Debug)]
pub struct Fake {
    latency: Duration,
}

impl Fake {
    /// Each fetch takes `latency`.
    pub fn new(latency: Duration) -> Self {
        Fake { latency }
    }

    /// Returns the address of the first page.
    pub fn start() -> Url {
        START.parse().expect("a constant that a test parses")
    }
}

impl Fetch for Fake {
    fn fetch(&self, url: &Url) -> Page {
        thread::sleep(self.latency);
        let Some((_, links)) = PAGES.iter().find(|(page, _)| *page == url.as_str()) else {
            return Page::bare(url, Outcome::Answered(404));
        };
        let links = links.iter().filter_map(|link| link.parse().ok()).collect();
        Page { url: url.clone(), outcome: Outcome::Answered(200), bytes: 0, links }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_parses_and_one_is_missing() {
        let fake = Fake::new(Duration::ZERO);
        for (page, links) in PAGES {
            assert_eq!(fake.fetch(&page.parse().expect("a URL")).links.len(), links.len());
        }
        assert_eq!(fake.fetch(&Fake::start().join("cmd/").expect("a URL")).status(), 404);
    }
}
