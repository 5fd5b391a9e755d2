//! The real web over HTTP: one request for each page, with bounds on its time and its size.

use std::time::Duration;

use ureq::{Agent, Body, http::Response};
use url::{Host, Url};

use super::links::{followable, links_of};
use super::{Fetch, Settings};
use crate::page::{Outcome, Page};

/// Who we say we are.
const USER_AGENT: &str = concat!("rpc-web-crawler/", env!("CARGO_PKG_VERSION"));

/// Fetches over HTTP and HTTPS, and keeps connections for the next page.
#[derive(Debug)]
pub struct Web {
    direct: Agent,
    proxied: Agent,
    max_bytes: u64,
}

impl Web {
    /// Opens nothing yet.
    pub fn new(settings: &Settings) -> Self {
        let agent = |through_proxy: bool| -> Agent {
            let mut config = Agent::config_builder()
                .user_agent(USER_AGENT)
                .timeout_global(Some(settings.time_out)) // the body included: a page that never ends is cut off
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

    /// A plain GET, for robots.txt as well. Our own machine is never asked through a proxy.
    pub(super) fn get(&self, url: &Url) -> Result<Response<Body>, ureq::Error> {
        let agent = if is_local(url) { &self.direct } else { &self.proxied };
        agent.get(url.as_str()).call()
    }

    fn read(&self, url: &Url) -> Result<Page, ureq::Error> {
        let mut response = self.get(url)?;
        let status = response.status().as_u16();
        if response.status().is_redirection() {
            if let Some(target) =
                header(&response, "location").and_then(|to| url.join(to).ok()).and_then(followable)
            {
                return Ok(Page { links: vec![target], ..Page::bare(url, Outcome::Redirect(status)) });
            }
        }
        let announced = response.body().content_length().unwrap_or(0);
        let is_html = header(&response, "content-type").is_some_and(is_html);
        if status >= 400 || !is_html {
            return Ok(Page { bytes: announced, ..Page::bare(url, Outcome::Answered(status)) });
        }
        match response.body_mut().with_config().limit(self.max_bytes).read_to_vec() {
            Ok(html) => {
                let links = links_of(url, &html);
                Ok(Page { bytes: html.len() as u64, links, ..Page::bare(url, Outcome::Answered(status)) })
            }
            Err(ureq::Error::BodyExceedsLimit(_)) => {
                Ok(Page { bytes: announced, ..Page::bare(url, Outcome::TooLarge(status)) })
            }
            Err(error) => Err(error),
        }
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
        ureq::Error::HostNotFound => Outcome::NoAnswer("there is no such host".to_owned()),
        ureq::Error::Io(error) => Outcome::NoAnswer(error.to_string()),
        other => Outcome::NoAnswer(other.to_string()),
    }
}

fn header<'r>(response: &'r Response<Body>, name: &str) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

fn is_html(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "text/html" || kind == "application/xhtml+xml"
}

/// Whether `url` is on this machine: no proxy, and no polite delay.
pub fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The pause between two requests that a stranger's server gets unless one asks for another.
pub const POLITE_DELAY: Duration = Duration::from_millis(200);
