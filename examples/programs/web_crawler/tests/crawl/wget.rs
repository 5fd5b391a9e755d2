//! A comparison with wget on the same site.

use std::collections::BTreeSet;
use std::process::Command;

use crate::agreement::crawl;
use crate::site::{PLAIN, Site};

/// wget counts other things as broken (it follows redirects by itself, and knows no limit on size), so the comparison
/// is on the plain part of the site: the pages that exist there, and the one dead link.
#[test]
fn wget_as_a_spider_finds_the_same_pages_and_the_same_dead_link() {
    if Command::new("wget").arg("--version").output().is_err() {
        println!("skipped: wget is not installed");
        return;
    }
    let site = Site::start();
    let start = site.at("/p/0.html");
    let directory = tempfile::tempdir().expect("a place for wget's files");
    let spider = Command::new("wget")
        .args(["--spider", "--recursive", "--level=inf", "--no-verbose", "--no-proxy", &start])
        .current_dir(directory.path())
        .output()
        .expect("it starts");
    let log = String::from_utf8_lossy(&spider.stderr).into_owned();
    let by_wget: BTreeSet<String> = site.asked().into_keys().collect();
    let output = crawl().args([&start, "--scope", &site.at("/")]).output().expect("it starts");
    let by_us: BTreeSet<String> = site.asked().into_keys().collect();
    assert_eq!(by_us.len(), PLAIN + 2, "with the dead link and robots.txt");
    let differing: Vec<_> = by_us.symmetric_difference(&by_wget).collect();
    assert!(differing.is_empty(), "{differing:?}");
    let dead = site.at("/no/such");
    let summary = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("Found 1 broken link.") && log.lines().any(|line| line == dead), "{log}");
    assert!(
        summary.contains("\n1 dead link:") && summary.contains(&format!("{dead} (status 404)")),
        "{summary}"
    );
}
