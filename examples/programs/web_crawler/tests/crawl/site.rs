//! A generated site with everything that makes crawling hard, served on loopback; and what is true of it.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rpc_web_crawler::local_server::{Answer, LocalServer};

/// Plain pages of the site, beside its oddities.
pub(crate) const PLAIN: usize = 200;
/// HTML longer than this is too large in these tests.
pub(crate) const MAX_BYTES: u64 = 100_000;

/// Serves until it is dropped, and counts the requests for each address.
pub(crate) struct Site {
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
    pub(crate) url: url::Url,
    _server: LocalServer,
}

impl Site {
    pub(crate) fn start() -> Self {
        let asked: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let counted = Arc::clone(&asked);
        let server = LocalServer::start(Box::new(move |path| {
            *counted.lock().expect("not poisoned").entry(path.to_owned()).or_default() += 1;
            Ok(answer(path))
        }));
        let server = server.expect("a free port");
        Site { asked, url: server.url().clone(), _server: server }
    }

    /// Returns the number of requests for each address since the last call.
    pub(crate) fn asked(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut *self.asked.lock().expect("not poisoned"))
    }

    pub(crate) fn at(&self, path: &str) -> String {
        self.url.join(path).expect("a URL").to_string()
    }
}

/// The paths that a crawl of the whole site must fetch, and the dead ones among them.
pub(crate) fn pages() -> (Vec<String>, Vec<String>) {
    let odd = [
        "/",
        "/image.png",
        "/large",
        "/no/such",
        "/moved",
        "/r/a",
        "/r/b",
        "/endless",
        "/out",
        "/gone",
        "/deep/",
        "/deep/er",
        "/query?a=1&b=2",
        "/query?a=2&b=1",
        "/lost",
    ];
    let chain = (0..=10) // the eleventh redirect is not followed
        .map(|hop| format!("/chain/{hop}"));
    let plain = (0..PLAIN).map(|page| format!("/p/{page}.html"));
    let mut all: Vec<String> = odd.iter().map(|path| (*path).to_owned()).chain(chain).chain(plain).collect();
    all.sort();
    let mut dead: Vec<String> = ["/no/such", "/r/a", "/r/b", "/endless", "/gone", "/lost", "/chain/0"]
        .iter()
        .map(|path| (*path).to_owned())
        .collect();
    dead.sort();
    (all, dead)
}

fn answer(path: &str) -> Answer {
    let html = |text: &str| Answer::page("text/html; charset=utf-8", text);
    match path {
        "/" => html(&index()),
        "/robots.txt" => Answer::page("text/plain", "User-agent: *\nDisallow: /private/\n"),
        "/image.png" => Answer::page("image/png", "<a href=/not-html>"),
        "/large" => html(&format!("{}<a href=/behind-too-much>", "x".repeat(2 * MAX_BYTES as usize))),
        "/moved" => Answer::moved(301, "deep/"),
        "/r/a" => Answer::moved(302, "/r/b"),
        "/r/b" => Answer::moved(307, "a"),
        "/nowhere" => Answer::moved(302, "/no/such"), // nothing links to it
        "/lost" => Answer::moved(302, "/lost"),
        "/out" => Answer::moved(302, "http://example.invalid/"),
        "/gone" => html("<a href=/from-an-error-page>").with_status(410),
        "/deep/" => html("<base href='/deep/er/'><a href='../er'>up</a><a href='../er#x'>here</a>"),
        "/deep/er" => html("<iframe src='/'></iframe><a href='mailto:a@b'>m</a>"),
        "/endless" => Answer::stream("text/html", Drip(0), None),
        "/query?a=1&b=2" | "/query?a=2&b=1" => {
            html("<a href='?a=1&amp;b=2#f'>1</a><a href='?a=2&amp;b=1'>2</a>")
        }
        path => match numbered(path) {
            Some(("chain", hop)) if hop < 13 => Answer::moved(302, &format!("/chain/{}", hop + 1)),
            Some(("chain", 13)) => html("the end"),
            Some(("p", number)) if number < PLAIN => html(&plain(number)),
            _ => Answer::missing(),
        },
    }
}

fn index() -> String {
    let odd = [
        "image.png",
        "/large",
        "/no/such",
        "/moved#fragment",
        "/r/a",
        "/endless",
        "/out",
        "/gone",
        "/query?a=1&amp;b=2",
        "/private/secret",
        "/chain/0",
        "/lost",
        "p/0.html",
        "p/0.html#twice",
        "http://example.invalid/elsewhere",
        "http://[broken",
    ];
    let script = "<script>'<a href=\"/not-a-link\">'</script>"; // wget takes this for a link, so it is here and not on plain pages
    odd.map(|link| format!("<a href=\"{link}\">x</a>\n")).concat() + script
}

/// Each plain page links to three others, so that all are found, on many ways.
fn plain(number: usize) -> String {
    let links = [2 * number + 1, 2 * number + 2, number / 3].map(|to| match to {
        to if to < PLAIN => format!("<a href='{to}.html#part-{number}'>{to}</a>"),
        _ => "<a href='/no/such'>dead</a>".to_owned(),
    });
    format!("<!DOCTYPE html><title>{number}</title>{}", links.concat())
}

fn numbered(path: &str) -> Option<(&str, usize)> {
    let (kind, number) = path.strip_prefix('/')?.split_once('/')?;
    Some((kind, number.trim_end_matches(".html").parse().ok()?))
}

/// A body that goes on for ever: slowly enough to be stopped by time and not by size.
struct Drip(usize);

impl Read for Drip {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        thread::sleep(Duration::from_millis(20));
        self.0 += 1;
        let length = if self.0 < 300 { buffer.len().min(8) } else { 0 };
        buffer[..length].fill(b'.');
        Ok(length) // ends after 6 s, so that a crawler that waits is seen and the test ends all the same
    }
}
