//! Nothing is lost in silence: what was not read or not followed is in the summary, in every form.

use std::sync::{Arc, Mutex, OnceLock};

use rpc_web_crawler::local_server::{Answer, LocalServer};

use crate::agreement::{FORMS, crawl};

/// Crawls a site that answers as `answer` says. Returns the status, the summary without its first line, and the pages.
fn crawled(
    answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
    arguments: &[&str],
) -> (Option<i32>, String, Vec<String>) {
    let server = LocalServer::start(Box::new(move |path| Ok(answer(path)))).expect("a free port");
    let output = crawl().args(arguments).arg(server.url().as_str()).output().expect("it starts");
    let said = String::from_utf8(output.stderr).expect("UTF-8").replace(server.url().as_str(), "/");
    let text = String::from_utf8(output.stdout).expect("UTF-8").replace(server.url().as_str(), "/");
    let mut pages: Vec<String> = text.lines().map(str::to_owned).collect();
    pages.sort();
    (output.status.code(), said.lines().skip(1).map(|line| format!("{line}\n")).collect(), pages)
}

fn html(text: &str) -> Answer {
    Answer::page("text/html", text)
}

#[test]
fn a_link_that_names_a_user_is_the_same_page() {
    let (asked, host): (Arc<Mutex<Vec<String>>>, Arc<OnceLock<String>>) = Default::default();
    let (noted, at) = (Arc::clone(&asked), Arc::clone(&host));
    let server = LocalServer::start(Box::new(move |path| {
        noted.lock().expect("not poisoned").push(path.to_owned());
        let host = at.get().map_or("", String::as_str);
        Ok(match path {
            "/" => html("<a href=/a>a</a><a href=/moved>b</a>"),
            "/a" => html(&format!("<a href='http://user@{host}/'>1</a><a href='http://u:p@{host}/a'>2</a>")),
            "/moved" => Answer::moved(301, &format!("http://user@{host}/a")),
            _ => Answer::missing(),
        })
    }));
    let server = server.expect("a free port");
    host.set(server.url().authority().to_owned()).expect("it is set once");
    for form in FORMS {
        let output = crawl().args(["--form", form, server.url().as_str()]).output().expect("it starts");
        let mut asked = std::mem::take(&mut *asked.lock().expect("not poisoned"));
        asked.sort();
        assert_eq!(asked, ["/", "/a", "/moved", "/robots.txt"], "{form}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 3, "{form}");
    }
}

#[test]
fn a_body_in_an_encoding_that_is_not_read_is_told() {
    for form in FORMS {
        let (status, said, pages) = crawled(
            |path| match path {
                "/" => html("<a href=/br>1</a><a href=/deflate>2</a><a href=/identity>3</a>"),
                "/identity" => html("<a href=/found>x</a>").with_header("Content-Encoding", "identity"),
                "/br" | "/deflate" => html("no markup")
                    .with_header("Content-Encoding", if path == "/br" { "br" } else { "deflate" }),
                "/found" => html(""),
                _ => Answer::missing(),
            },
            &["--form", form],
        );
        assert_eq!((status, pages.len()), (Some(0), 5), "{form}: {pages:?}");
        let told = "2 pages were cut off, or not read:\n  \
                    /br (its content encoding is br, which was not asked for: its links were not read), found on /\n  \
                    /deflate (its content encoding is deflate, which was not asked for: its links were not read), found on /\n\
                    no dead links\n";
        assert_eq!(said, told, "{form}");
    }
}

#[test]
fn a_page_without_a_content_type_is_read() {
    let (status, said, pages) = crawled(
        |path| match path {
            "/" => html("<a href=/behind>x</a>").without_header("Content-Type"),
            "/behind" => html(""),
            _ => Answer::missing(),
        },
        &[],
    );
    assert_eq!(
        (status, pages),
        (Some(0), vec!["found: /".to_owned(), "found: /behind".to_owned()]),
        "{said}"
    );
}

#[test]
fn a_redirect_that_names_no_address_is_dead_and_its_body_is_not_followed() {
    let (status, said, pages) = crawled(
        |path| match path {
            "/" => html("<a href=/none>1</a><a href=/bad>2</a><a href=/mail>3</a>"),
            "/none" => html("<a href=/behind>x</a>").with_status(302),
            "/bad" => html("<a href=/behind>x</a>").with_status(302).with_header("Location", "http://[bad"),
            "/mail" => Answer::moved(302, "mailto:a@b"),
            _ => Answer::missing(),
        },
        &[],
    );
    assert_eq!((status, pages.len()), (Some(1), 4), "{said}");
    assert!(said.starts_with("3 dead links:\n"), "{said}");
    assert_eq!(
        said.matches("(status 302, a redirect without an address that can be followed)").count(),
        3,
        "{said}"
    );
}

#[test]
fn a_link_that_is_too_long_to_be_followed_is_told() {
    let (status, said, pages) = crawled(
        |path| match path {
            "/robots.txt" => Answer::missing(),
            _ => html("<a href=deeper/>x</a>"), // any path answers: a site without an end
        },
        &[],
    );
    assert_eq!(status, Some(0), "{said}");
    assert!((200..300).contains(&pages.len()), "{} pages", pages.len());
    assert!(
        said.starts_with("1 link was not followed, being longer than 2048 characters:\n  /deeper/"),
        "{said}"
    );
    assert!(said.lines().all(|line| line.len() < 300), "{said}");
}

#[test]
fn a_rule_with_a_needless_escape_covers_the_plain_address_and_the_other_way_round() {
    for rule in ["/%7Esecret/", "/~secret/"] {
        let (status, said, pages) = crawled(
            move |path| match path {
                "/" => {
                    html("<a href='/~secret/x'>1</a><a href='/%7esecret/y'>2</a><a href='/%7Epublic'>3</a>")
                }
                "/robots.txt" => Answer::page("text/plain", format!("User-agent: *\nDisallow: {rule}\n")),
                _ => html(""),
            },
            &[],
        );
        assert_eq!((status, pages.len()), (Some(0), 2), "{rule}: {said} {pages:?}");
    }
}
