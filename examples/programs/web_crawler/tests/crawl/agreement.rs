//! All forms find the same pages, each once, and the same dead links.

use std::collections::BTreeSet;
use std::process::Command;

use crate::site::{MAX_BYTES, PLAIN, Site, pages};

pub(crate) const FORMS: [&str; 5] = ["serial", "mutex", "channel", "pool", "rpc"];

pub(crate) fn crawl() -> Command {
    Command::new(env!("CARGO_BIN_EXE_crawl"))
}

#[test]
fn the_lecture_s_site_gives_the_lecture_s_five_lines_in_every_form() {
    for form in FORMS {
        let output = crawl().args(["--fake", "--form", form]).output().expect("it starts");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let lines: BTreeSet<&str> = text.lines().collect();
        let expected = BTreeSet::from([
            "found: http://golang.org/",
            "found: http://golang.org/pkg/",
            "found: http://golang.org/pkg/fmt/",
            "found: http://golang.org/pkg/os/",
            "missing: http://golang.org/cmd/",
        ]);
        assert_eq!(lines, expected, "{form}");
        assert_eq!(text.lines().count(), 5, "{form}: each page once");
        assert_eq!(output.status.code(), Some(1), "{form}: a dead link was found");
    }
}

#[test]
fn the_serial_form_goes_in_the_order_of_the_lecture() {
    let output = crawl().args(["--fake", "--form", "serial"]).output().expect("it starts");
    let order = [
        "found: .org/",
        "found: .org/pkg/",
        "missing: .org/cmd/",
        "found: .org/pkg/fmt/",
        "found: .org/pkg/os/",
    ];
    let text = String::from_utf8(output.stdout).expect("UTF-8").replace("http://golang", "");
    assert_eq!(text.lines().collect::<Vec<_>>(), order);
}

#[test]
fn every_form_finds_the_same_on_a_site_of_traps_and_asks_for_each_page_once() {
    let site = Site::start();
    let (all, dead) = pages();
    let mut first: Option<String> = None;
    for form in FORMS {
        let output = crawl()
            .args(["--form", form, "--format", "json", "--time-out", "2", "--workers", "6"])
            .args(["--max-bytes", &MAX_BYTES.to_string(), site.url.as_str()])
            .output()
            .expect("it starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{form}: {errors}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let path =
            |line: &serde_json::Value| line["url"].as_str().expect("a URL").replace(&site.at("/"), "/");
        let mut found: Vec<String> = lines.iter().map(path).collect();
        found.sort();
        assert_eq!(found, all, "{form}");
        let mut found_dead: Vec<String> =
            lines.iter().filter(|line| line["dead"].is_string()).map(path).collect();
        found_dead.sort();
        assert_eq!(found_dead, dead, "{form}");
        let mut asked = site.asked();
        assert_eq!(asked.remove("/robots.txt"), Some(1), "{form}");
        assert!(asked.values().all(|&times| times == 1), "{form}: {asked:?}");
        assert_eq!(asked.into_keys().collect::<BTreeSet<_>>(), all.iter().cloned().collect(), "{form}");
        assert_eq!(first.get_or_insert(text.clone()), &text, "{form} prints the same, byte for byte");
    }
}

#[test]
fn a_dead_link_is_told_with_the_places_where_it_is() {
    let site = Site::start();
    let output = crawl()
        .args(["--time-out", "2", "--max-bytes", &MAX_BYTES.to_string(), site.url.as_str()])
        .output()
        .expect("it starts");
    let summary = String::from_utf8(output.stderr).expect("UTF-8");
    let line =
        |path: &str| summary.lines().find(|line| line.contains(&site.at(path))).expect(path).to_owned();
    let places = 1 + (0..PLAIN).filter(|page| 2 * page + 2 >= PLAIN).count() - 3; // with the index, without the named
    assert!(line("/no/such").ends_with(&format!("and {places} more")), "{summary}");
    assert!(line("/no/such").contains("(status 404), found on"), "{summary}");
    assert!(line("/r/a").contains("(a redirect loop)"), "{summary}");
    assert!(line("/chain/0").contains("(more than 10 redirects)"), "{summary}");
    assert!(line("/endless").contains("did not end within the time-out"), "{summary}");
}

#[test]
fn a_graph_has_every_page_and_only_edges_between_pages() {
    let output = crawl().args(["--fake", "--format", "dot"]).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.starts_with("digraph crawl {\n") && text.ends_with("}\n"), "{text}");
    assert!(text.contains("\"http://golang.org/cmd/\" [color=red];"), "{text}");
    assert_eq!(text.matches(" -> ").count(), 10);
}

#[test]
fn a_directory_is_crawled_like_a_site() {
    let directory = tempfile::tempdir().expect("a place for files");
    let inside = directory.path().join("odd & names");
    std::fs::create_dir(&inside).expect("written");
    std::fs::write(inside.join("50% off?#.html"), "<a href='../'>up</a><a href='../../etc/passwd'>out</a>")
        .expect("written");
    std::fs::write(inside.join("data.json"), "{}").expect("written");
    std::os::unix::fs::symlink("/etc", inside.join("way-out")).expect("made");
    let output =
        crawl().args(["--form", "rpc", "--workers", "2"]).arg(directory.path()).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let without_host = |line: &str| {
        let (word, url) = line.split_once(": http://").expect("a line of two parts");
        format!("{word} {}", url.split_once('/').expect("a path").1)
    };
    let lines: BTreeSet<String> = text.lines().map(without_host).collect();
    let folder = "odd%20%26%20names/";
    let expected = BTreeSet::from([
        "found ".to_owned(),
        format!("found {folder}"),
        format!("found {folder}50%25%20off%3F%23.html"),
        format!("found {folder}data.json"),
        format!("missing {folder}way-out/"), // a symbolic link that leads out of the directory
        "missing etc/passwd".to_owned(),
    ]);
    assert_eq!(lines, expected);
}

#[test]
fn a_page_with_more_links_than_a_frame_holds_travels_whole() {
    let directory = tempfile::tempdir().expect("a place for files");
    let filler = "x".repeat(200);
    let links: String = (0..30_000).map(|link| format!("<a href='{link}-{filler}'>x</a>\n")).collect();
    assert!(links.len() > 6 << 20, "more than the 4 MiB of a frame");
    std::fs::write(directory.path().join("index.html"), links).expect("written");
    let [serial, rpc] = ["serial", "rpc"].map(|form| {
        let output = crawl()
            .args(["--form", form, "--limit", "1", "--format", "json"])
            .arg(directory.path())
            .output()
            .expect("it starts");
        let line: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one object");
        let path =
            |link: &serde_json::Value| link.as_str().and_then(|link| link.rsplit_once('/')?.1.parse().ok());
        line["links"].as_array().expect("a list").iter().map(path).collect::<Vec<Option<String>>>()
    });
    assert_eq!(serial.len(), 30_000);
    assert!(serial == rpc, "the same links in the same order");
}
