//! The real web over HTTP: one request for each page, with bounds on its time and its size.

use std::io::Read;
use std::time::Duration;

use ureq::{Agent, Body, http::Response};
use url::{Host, Url};

use super::links::{followable, links_of};
use super::{Fetch, Settings};
use crate::page::{Outcome, Page};

/// The redirects that must name an address.
const MOVES: [u16; 5] = [301, 302, 303, 307, 308];

/// The user agent.
const USER_AGENT: &str = concat!("rpc-web-crawler/", env!("CARGO_PKG_VERSION"));

/// Fetches over HTTP and HTTPS, and keeps connections for the next page.
#[derive(Debug)]
pub struct Web {
    direct: Agent,
    proxied: Agent,
    max_bytes: u64,
}

impl Web {
    /// Returns a client without connections.
    pub fn new(settings: &Settings) -> Self {
        let agent = |through_proxy: bool| -> Agent {
            let mut config = Agent::config_builder()
                .user_agent(USER_AGENT)
                .timeout_global(Some(settings.time_out)) // includes the body: a page that never ends is cut off
                .max_redirects(0) // a redirect is a page with one link: so it is counted, bounded and fetched once
                .http_status_as_error(false)
                .max_idle_connections(settings.connections)
                .max_idle_connections_per_host(settings.connections);
            if !through_proxy {
                config = config.proxy(None);
            }
            config.build().into()
        };
        Web { direct: agent(false), proxied: agent(true), max_bytes: settings.max_bytes }
    }

    /// Sends a plain GET, for robots.txt as well. This machine is never reached through a proxy.
    pub(super) fn get(&self, url: &Url) -> Result<Response<Body>, ureq::Error> {
        let agent = if is_local(url) { &self.direct } else { &self.proxied };
        agent.get(url.as_str()).call()
    }

    /// Returns the target of a redirect.
    pub(super) fn target(url: &Url, response: &Response<Body>) -> Option<Url> {
        let to = header(response, "location").filter(|_| response.status().is_redirection())?;
        followable(url.join(to).ok()?)
    }

    /// Returns the reason for a missing answer, for people.
    pub(super) fn why(error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(_) => "it did not end within the time-out".to_owned(),
            ureq::Error::HostNotFound => "there is no such host".to_owned(),
            ureq::Error::Io(error) => error.to_string(),
            // The number of bytes at which it was noticed is chance, and all runs say the same.
            ureq::Error::LargeResponseHeader(..) => "its response header is too long".to_owned(),
            other => other.to_string(),
        }
    }

    fn read(&self, url: &Url) -> Result<Page, ureq::Error> {
        let mut response = self.get(url)?;
        let status = response.status().as_u16();
        if let Some(target) = Web::target(url, &response) {
            return Ok(Page { links: vec![target], ..Page::bare(url, Outcome::Redirect(status)) });
        }
        if MOVES.contains(&status) {
            return Ok(Page::bare(url, Outcome::MovedNowhere(status)));
        }
        let content_type = header(&response, "content-type").map(str::to_owned);
        // Without a type it may be HTML: browsers look, and so do we.
        if status >= 400 || !content_type.as_deref().is_none_or(is_html) {
            return Ok(Page::bare(url, Outcome::Answered(status)));
        }
        if let Some(encoding) = header(&response, "content-encoding").filter(|encoding| !is_read(encoding)) {
            let shown: String = encoding.chars().take(40).collect(); // by `to_str` it is visible ASCII
            let why =
                format!("its content encoding is {shown}, which was not asked for: its links were not read");
            return Ok(Page::bare(url, Outcome::Unread(status, why)));
        }
        let mut html = Vec::new();
        // One byte more than allowed shows that a page is too large. The length that its server announces may be wrong.
        let most = self.max_bytes.saturating_add(1);
        response.body_mut().as_reader().take(most).read_to_end(&mut html)?;
        if html.len() as u64 > self.max_bytes {
            return Ok(Page { bytes: self.max_bytes, ..Page::bare(url, Outcome::TooLarge(status)) });
        }
        let links = links_of(url, &html, content_type.as_deref());
        Ok(Page { bytes: html.len() as u64, links, ..Page::bare(url, Outcome::Answered(status)) })
    }
}

impl Fetch for Web {
    fn fetch(&self, url: &Url) -> Page {
        self.read(url).unwrap_or_else(|error| Page::bare(url, outcome_of(&error)))
    }
}

fn outcome_of(error: &ureq::Error) -> Outcome {
    match error {
        ureq::Error::Timeout(_) => Outcome::NeverEnded,
        other => Outcome::NoAnswer(Web::why(other)),
    }
}

fn header<'r>(response: &'r Response<Body>, name: &str) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

fn is_html(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "text/html" || kind == "application/xhtml+xml"
}

/// Returns true for the encodings of a body that are read: none, or the one that is asked for.
fn is_read(encoding: &str) -> bool {
    matches!(encoding.trim().to_ascii_lowercase().as_str(), "" | "identity" | "gzip")
}

/// Returns true if `url` is on this machine: then there is no proxy, and no pause.
pub fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The default pause between two requests to a server that is not on this machine.
pub const POLITE_DELAY: Duration = Duration::from_millis(200);
