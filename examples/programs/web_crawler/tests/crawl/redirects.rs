//! Chains of redirects end after ten, in the same way in every form, and are reported with their places.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rpc_web_crawler::local_server::{Answer, LocalServer};
use rpc_web_crawler::page::{Outcome, Page};
use rpc_web_crawler::site::Fetch;
use rpc_web_crawler::task::{Link, Task};
use url::Url;

use crate::agreement::{FORMS, crawl};

/// A chain without end at `/r/0`, and a page that links into its middle; `/` meets the middle last and `/other` first.
fn endless() -> (LocalServer, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&asked);
    let server = LocalServer::start(Box::new(move |path| {
        noted.lock().expect("not poisoned").push(path.to_owned());
        let html = |text: &str| Answer::page("text/html", text);
        Ok(match path {
            "/" => html("<a href=/r/0>start of the chain</a><a href=/late>page</a>"),
            "/other" => html("<a href=/late>page</a><a href=/r/0>start of the chain</a>"),
            "/late" => html("<a href=/r/8>middle of the chain</a>"),
            path => match path.strip_prefix("/r/").and_then(|hop| hop.parse::<usize>().ok()) {
                Some(hop) if hop < 1000 => Answer::moved(302, &format!("/r/{}", hop + 1)),
                _ => Answer::missing(),
            },
        })
    }));
    (server.expect("a free port"), asked)
}

#[test]
fn a_chain_without_end_is_followed_for_ten_redirects_from_its_nearest_link_in_every_form_and_order() {
    let (server, asked) = endless();
    for form in FORMS {
        for start in ["/", "/other"] {
            let at = |path: &str| server.url().join(path).expect("a URL").to_string();
            let output = crawl()
                .args(["--form", form, "--workers", "4", "--format", "json", &at(start)])
                .output()
                .expect("it starts");
            let mut lines: BTreeMap<String, serde_json::Value> = BTreeMap::new();
            for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
                let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
                lines.insert(line["url"].as_str().expect("a URL").replace(&at("/"), "/"), line);
            }
            let chain = (0..=8 + 10).map(|hop| format!("/r/{hop}"));
            let all: BTreeSet<String> = chain.chain([start.to_owned(), "/late".to_owned()]).collect();
            assert_eq!(lines.keys().cloned().collect::<BTreeSet<_>>(), all, "{form} from {start}");
            let dead = |(path, line): (String, serde_json::Value)| {
                (line["dead"] == "more than 10 redirects").then_some(path)
            };
            let dead: BTreeSet<String> = lines.into_iter().filter_map(dead).collect();
            assert_eq!(dead, (0..=8).map(|hop| format!("/r/{hop}")).collect(), "{form} from {start}");
            let mut asked = std::mem::take(&mut *asked.lock().expect("not poisoned"));
            asked.retain(|path| path != "/robots.txt");
            assert_eq!(asked.len(), all.len(), "{form} from {start}: each once: {asked:?}");
            assert_eq!(output.status.code(), Some(1));
            let summary = String::from_utf8(output.stderr).expect("UTF-8");
            let place = format!("{} (more than 10 redirects), found on {}", at("/r/0"), at(start));
            assert!(summary.contains(&place), "{summary}");
        }
    }
}

/// Every page but `/` moves to the next of 40; `/` links to three places on that way.
struct Chain;

impl Fetch for Chain {
    fn fetch(&self, url: &Url) -> Page {
        let to = |hop: usize| url.join(&format!("/{hop}")).expect("a URL");
        match url.path().trim_start_matches('/').parse::<usize>() {
            Err(_) => Page { links: [0, 14, 3].map(to).to_vec(), ..Page::bare(url, Outcome::Answered(200)) },
            Ok(40) => Page::bare(url, Outcome::Answered(200)),
            Ok(hop) => Page { links: vec![to(hop + 1)], ..Page::bare(url, Outcome::Redirect(302)) },
        }
    }
}

/// The links that wait in a crawl, to be claimed or to be fetched. A form may take either, in any order.
enum Waiting {
    Link(Link),
    Page(Url),
}

#[test]
fn whatever_the_order_of_claims_and_answers_the_same_pages_are_fetched() {
    let start: Url = "http://chain.invalid/".parse().expect("a URL");
    let expected: BTreeSet<String> = (0..=24).map(|hop| format!("/{hop}")).chain(["/".to_owned()]).collect();
    for seed in 0..2000_u64 {
        let task = Task::new(start.clone(), Box::new(Chain));
        let mut seen = task.nothing_seen();
        let mut waiting = vec![Waiting::Link(task.first_link())];
        let mut fetched = Vec::new();
        let mut random = seed;
        while !waiting.is_empty() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match waiting.swap_remove((random >> 33) as usize % waiting.len()) {
                Waiting::Link(link) => waiting.extend(seen.claim(&link).map(Waiting::Page)),
                Waiting::Page(url) => {
                    fetched.push(url.path().to_owned());
                    waiting.extend(task.visit(&url).into_iter().map(Waiting::Link));
                }
            }
        }
        assert_eq!(fetched.len(), expected.len(), "seed {seed}: each once: {fetched:?}");
        assert_eq!(fetched.into_iter().collect::<BTreeSet<_>>(), expected, "seed {seed}");
    }
}
