//! The sources of pages: the lecture's fake site, or the web.

mod charset;
mod fake;
mod links;
mod robots;
mod web;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::page::Page;

pub use fake::Fake;
pub use robots::{delay_of, robots_of};
pub use web::{POLITE_DELAY, Web, is_local};

/// Fetches pages: the lecture's `Fetcher`. Shared by all threads of a form.
pub trait Fetch: Send + Sync {
    /// Fetches one page and reads its links. It always ends: it limits time and size itself.
    fn fetch(&self, url: &Url) -> Page;
}

/// The settings for fetching, in a form that can be sent to a worker process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// The lecture's site instead of the web.
    pub fake: bool,
    /// Time limit for one page, from the look-up of the name to its last byte.
    pub time_out: Duration,
    /// The longest HTML that is read.
    pub max_bytes: u64,
    /// Added to each page of the fake site, which else takes no time at all.
    pub latency: Duration,
    /// Connections kept open for the next page.
    pub connections: usize,
}

impl Settings {
    /// Returns the site that these settings describe.
    pub fn open(&self) -> Box<dyn Fetch> {
        if self.fake { Box::new(Fake::new(self.latency)) } else { Box::new(Web::new(self)) }
    }
}
