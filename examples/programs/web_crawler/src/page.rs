//! What one fetch gives: the page's address, what became of it, and its links.

use serde::{Deserialize, Serialize};
use url::Url;

/// A page that was asked for once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Its address, without a fragment.
    pub url: Url,
    /// What became of it.
    pub outcome: Outcome,
    /// Bytes of its body that were read: none of what is no HTML, and of what is too large only the allowed ones.
    pub bytes: u64,
    /// Where it links to, inside the scope or not: absolute, without fragments, each once, in order. For a redirect its target.
    pub links: Vec<Url>,
}

/// What became of a fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The server answered with this status; 400 and above is a dead link.
    Answered(u16),
    /// The page has moved; its one link is where to.
    Redirect(u16),
    /// HTML longer than the limit. It is there, so a link to it is not dead, but its own links are unknown.
    TooLarge(u16),
    /// It did not end within the time-out.
    NeverEnded,
    /// No answer; why, for people.
    NoAnswer(String),
}

impl Page {
    /// A page without body or links.
    pub fn bare(url: &Url, outcome: Outcome) -> Self {
        Page { url: url.clone(), outcome, bytes: 0, links: Vec::new() }
    }

    /// The status, 0 where no server gave one.
    pub fn status(&self) -> u16 {
        match self.outcome {
            Outcome::Answered(status) | Outcome::Redirect(status) | Outcome::TooLarge(status) => status,
            Outcome::NeverEnded | Outcome::NoAnswer(_) => 0,
        }
    }

    /// Why a link to this page is dead, if it is. Redirects need the other pages to tell: the report does that.
    pub fn why_dead(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Answered(status) if *status >= 400 => Some(format!("status {status}")),
            Outcome::NeverEnded => Some("the page did not end within the time-out".to_owned()),
            Outcome::NoAnswer(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// Why the links of a page that is there are unknown, if they are.
    pub fn why_cut_off(&self) -> Option<&'static str> {
        match self.outcome {
            Outcome::TooLarge(_) => Some("longer than --max-bytes allows: its links were not read"),
            _ => None,
        }
    }

    /// Where a redirect leads.
    pub fn target(&self) -> Option<&Url> {
        match self.outcome {
            Outcome::Redirect(_) => self.links.first(),
            _ => None,
        }
    }
}
