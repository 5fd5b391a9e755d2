//! The result of one fetch: the page's address, its outcome, and its links.

use serde::{Deserialize, Serialize};
use url::Url;

/// A page that was asked for once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Its address, without a fragment.
    pub url: Url,
    /// The outcome of its fetch.
    pub outcome: Outcome,
    /// Bytes of its body that were read: none if it is no HTML, and at most the limit if it is too large.
    pub bytes: u64,
    /// Its links, inside the scope or not: absolute, without fragments, each once, in order. For a redirect its target.
    pub links: Vec<Url>,
}

/// The outcome of a fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The server answered with this status; 400 and above is a dead link.
    Answered(u16),
    /// The page has moved; its one link is the new address.
    Redirect(u16),
    /// HTML longer than the limit. It is there, so a link to it is not dead, but its own links are unknown.
    TooLarge(u16),
    /// A page in a form that this crawler does not read, with the reason for people. It is there, so a link to it is not dead.
    Unread(u16, String),
    /// A redirect without an address that can be followed: a dead link.
    MovedNowhere(u16),
    /// It did not end within the time-out.
    NeverEnded,
    /// No answer, with the reason for people.
    NoAnswer(String),
}

impl Page {
    /// Returns a page without body or links.
    pub fn bare(url: &Url, outcome: Outcome) -> Self {
        Page { url: url.clone(), outcome, bytes: 0, links: Vec::new() }
    }

    /// Returns the status, or 0 if no server gave one.
    pub fn status(&self) -> u16 {
        match self.outcome {
            Outcome::Answered(status)
            | Outcome::Redirect(status)
            | Outcome::TooLarge(status)
            | Outcome::Unread(status, _)
            | Outcome::MovedNowhere(status) => status,
            Outcome::NeverEnded | Outcome::NoAnswer(_) => 0,
        }
    }

    /// Returns why a link to this page is dead, if it is. The report decides about redirects, because that needs the other pages.
    pub fn why_dead(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Answered(status) if *status >= 400 => Some(format!("status {status}")),
            Outcome::MovedNowhere(status) => {
                Some(format!("status {status}, a redirect without an address that can be followed"))
            }
            Outcome::NeverEnded => Some("the page did not end within the time-out".to_owned()),
            Outcome::NoAnswer(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// Returns why the links of an existing page are unknown, if they are.
    pub fn why_cut_off(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Unread(_, why) => Some(why),
            Outcome::TooLarge(_) => Some("longer than --max-bytes allows: its links were not read"),
            _ => None,
        }
    }

    /// Returns the target of a redirect.
    pub fn target(&self) -> Option<&Url> {
        match self.outcome {
            Outcome::Redirect(_) => self.links.first(),
            _ => None,
        }
    }
}
