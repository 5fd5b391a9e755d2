//! Pages that robots.txt forbids are not fetched, in whatever way the file arrives; without the file, no page is fetched.

use std::collections::BTreeSet;
use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex};

use rpc_web_crawler::local_server::{Answer, LocalServer};

use crate::agreement::crawl;

const RULES: &str = "User-agent: *\nDisallow: /secret/\n";
const ALL: [&str; 3] = ["/", "/public", "/secret/a"];
const ALLOWED: [&str; 2] = ["/", "/public"];

/// Crawls a site of three pages whose answers to other addresses are `robots`. Returns the status, the messages, and the
/// pages that were requested.
fn crawled(
    robots: impl Fn(&str) -> io::Result<Answer> + Send + Sync + 'static,
    arguments: &[&str],
) -> (Option<i32>, String, BTreeSet<String>) {
    let asked: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let noted = Arc::clone(&asked);
    let server = LocalServer::start(Box::new(move |path| {
        if ALL.contains(&path) {
            noted.lock().expect("not poisoned").insert(path.to_owned());
        }
        match path {
            "/" => Ok(Answer::page("text/html", "<a href=/secret/a>x</a><a href=/public>x</a>")),
            "/public" | "/secret/a" => Ok(Answer::page("text/html", "")),
            path => robots(path),
        }
    }));
    let server = server.expect("a free port");
    let output = crawl().args(arguments).arg(server.url().as_str()).output().expect("it starts");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    let asked = std::mem::take(&mut *asked.lock().expect("not poisoned"));
    (output.status.code(), said, asked)
}

fn set(pages: &[&str]) -> BTreeSet<String> {
    pages.iter().map(|&page| page.to_owned()).collect()
}

fn rules() -> Answer {
    Answer::page("text/plain", RULES)
}

/// `/robots.txt` is this many redirects away from its rules.
fn behind(redirects: usize) -> impl Fn(&str) -> io::Result<Answer> + Send + Sync {
    move |path| {
        let hop: usize = path.strip_prefix("/hop/").map_or(0, |hop| hop.parse().expect("one of ours"));
        Ok(if hop == redirects { rules() } else { Answer::moved(301, &format!("/hop/{}", hop + 1)) })
    }
}

#[test]
fn rules_behind_five_redirects_count_and_behind_six_there_are_none() {
    for (redirects, pages) in [(0, set(&ALLOWED)), (1, set(&ALLOWED)), (5, set(&ALLOWED)), (6, set(&ALL))] {
        let (status, said, asked) = crawled(behind(redirects), &[]);
        assert_eq!((status, asked), (Some(0), pages), "{redirects} redirects: {said}");
    }
}

#[test]
fn rules_on_another_host_count_for_the_host_that_sends_us_there() {
    let other = LocalServer::start(Box::new(|_| Ok(rules()))).expect("a free port");
    let address = other.url().join("rules.txt").expect("a URL").to_string();
    let (status, said, asked) = crawled(move |_| Ok(Answer::moved(302, &address)), &[]);
    assert_eq!((status, asked), (Some(0), set(&ALLOWED)), "{said}");
}

#[test]
fn of_a_file_that_is_too_long_the_first_512_kib_count_and_no_half_rule() {
    let (status, said, asked) = crawled(
        |_| {
            let endless = io::repeat(b'#').take(1 << 30);
            Ok(Answer::stream("text/plain", Cursor::new(RULES).chain(endless), None))
        },
        &[],
    );
    assert_eq!((status, asked), (Some(0), set(&ALLOWED)), "no line ends after the rules: {said}");
    let rule = "Disallow: /public/of/another/kind\n";
    let cut = (512 << 10) - RULES.len() - "Disallow: /public".len(); // here ends what is read
    let text = format!("{RULES}{}\n{rule}", "#".repeat(cut - 1));
    let (status, said, asked) = crawled(move |_| Ok(Answer::page("text/plain", text.clone())), &[]);
    assert_eq!((status, asked), (Some(0), set(&ALLOWED)), "{said}");
}

#[test]
fn no_file_means_no_rules_and_one_that_cannot_be_had_forbids_everything() {
    for status in [401, 403, 404, 410, 429] {
        let (code, said, asked) = crawled(move |_| Ok(rules().with_status(status)), &[]);
        assert_eq!((code, asked), (Some(0), set(&ALL)), "{status}: {said}");
    }
    let unused = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port");
    type Robots = Box<dyn Fn(&str) -> io::Result<Answer> + Send + Sync>;
    let too_much = format!("{RULES}Disallow: /{}$\n", "a*b".repeat(3000));
    let cases: [(Robots, &str); 5] = [
        (Box::new(|_| Ok(rules().with_status(500))), "status 500"),
        (Box::new(|_| Ok(rules().with_status(503))), "status 503"),
        (Box::new(move |_| Ok(Answer::moved(302, &format!("http://{unused}/")))), "refused"),
        (Box::new(|_| Ok(Answer::stream("text/plain", Drip, None))), "did not end within the time-out"),
        (Box::new(move |_| Ok(Answer::page("text/plain", too_much.clone()))), "a rule that is beyond us"),
    ];
    for (robots, why) in cases {
        let (code, said, asked) = crawled(robots, &["--time-out", "0.5"]);
        assert_eq!((code, asked), (Some(3), set(&[])), "{why}: {said}");
        assert!(said.starts_with("crawl: cannot crawl http://127.0.0.1:"), "{said}");
        assert!(said.contains("its robots.txt cannot be read (") && said.contains(why), "{why}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_long_pause_that_the_site_asks_for_is_told_before_it_begins() {
    for (delay, told) in [("86400", "86400"), ("inf", "86400"), ("1e30", "86400"), ("7.5", "7.5")] {
        let text = format!("User-agent: *\nCrawl-delay: {delay}\n");
        let robots = move |_: &str| Ok(Answer::page("text/plain", text.clone()));
        // One page needs no pause.
        let (status, said, _) = crawled(robots, &["--limit", "1"]);
        assert_eq!(status, Some(0), "{said}");
        let sentence = format!(
            "the site's robots.txt asks for a pause of {told} s between pages; --delay sets another\n"
        );
        assert!(said.starts_with(&sentence), "{said}");
    }
}

/// A body without end, too slow to reach any limit but that of time.
struct Drip;

impl Read for Drip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        std::thread::sleep(std::time::Duration::from_millis(20));
        buffer[0] = b'#';
        Ok(1)
    }
}
