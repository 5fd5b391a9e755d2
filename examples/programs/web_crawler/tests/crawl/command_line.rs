//! Bad input gets a clear sentence and the right exit status.

use std::net::TcpListener;

use crate::agreement::crawl;
use crate::site::{MAX_BYTES, Site};

/// Runs `crawl` and returns its status and its standard error.
fn said(arguments: &[&str]) -> (i32, String) {
    let output = crawl().args(arguments).output().expect("it starts");
    (output.status.code().expect("not killed"), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[test]
fn a_start_that_cannot_be_had_is_status_3_and_says_why() {
    let site = Site::start();
    // On Linux a host that no other test uses, so that none of them is given this port.
    let host = if cfg!(target_os = "linux") { "127.0.0.22:0" } else { "127.0.0.1:0" };
    let unused = TcpListener::bind(host).and_then(|listener| listener.local_addr()).expect("a free port");
    let limit = MAX_BYTES.to_string();
    for (start, sentence) in [
        (format!("http://{unused}/"), "refused"),
        ("http://no-such-host.invalid/".to_owned(), "lookup"),
        (site.at("/no/such"), "status 404"),
        (site.at("/r/a"), "a redirect loop"),
        (site.at("/endless"), "did not end within the time-out"),
        (site.at("/large"), "longer than --max-bytes allows"),
    ] {
        let time_out = if start.ends_with("/endless") { "1" } else { "30" };
        let (status, text) = said(&["--time-out", time_out, "--max-bytes", &limit, &start]);
        assert_eq!(status, 3, "{start}: {text}");
        assert!(
            text.starts_with(&format!("crawl: cannot crawl {start}: ")) && text.contains(sentence),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn a_command_that_makes_no_sense_is_status_2() {
    let site = Site::start();
    let (start, scope) = (site.at("/p/0.html"), site.at("/deep/"));
    for (arguments, sentence) in [
        (vec!["--scope", &*scope, &*start], "is outside the scope"),
        (vec![&*site.at("/private/secret")], "asks crawlers to stay away"),
        (vec![&*site.at("/out")], "redirects to http://example.invalid/, which is outside the scope"),
        (vec!["http://user@127.0.0.1/"], "the start names a user"),
        (vec!["no/such/directory"], "neither a URL nor a directory"),
        (vec!["ftp://example.invalid/"], "neither http nor https"),
        (vec!["Cargo.toml"], "is not a directory"),
        (vec![], "required arguments were not provided"),
        (vec!["--fake", "--workers", "0"], "0 is not in 1..=10000"),
        (vec!["--fake", "--form", "fast"], "invalid value 'fast'"),
        (vec!["--fake", "--limit", "0"], "at least 1"),
        (vec!["--fake", "--time-out", "-1"], "unexpected argument"),
        (vec!["--fake", "--kill-after", "1"], "--kill-after kills a worker process"),
        (vec!["--fake", "--kill-after", "1", "--form", "rpc", "--workers", "1"], "at least 2 workers"),
    ] {
        let (status, text) = said(&arguments);
        assert_eq!(status, 2, "{arguments:?}: {text}");
        assert!(text.contains(sentence), "{arguments:?}: {text}");
    }
}

#[test]
fn output_that_cannot_be_written_is_status_5_before_anything_is_fetched() {
    let site = Site::start();
    let (status, text) = said(&["--output", "/no/such/folder/pages.json", site.url.as_str()]);
    assert_eq!(status, 5);
    assert!(text.starts_with("crawl: cannot write /no/such/folder/pages.json: "), "{text}");
    assert!(site.asked().is_empty());
    let (status, text) = said(&["--output", "/dev/full", "--fake"]);
    assert_eq!((status, text.starts_with("crawl: cannot write the pages: ")), (5, true), "{text}");
}

#[test]
fn standard_error_that_cannot_be_written_changes_no_answer() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux");
    let wrong_start = ["ftp://example.invalid/"].as_slice();
    let killed =
        ["--fake", "--form", "rpc", "--workers", "2", "--latency", "30", "--kill-after", "1"].as_slice();
    let sweep = ["--fake", "--workers", "1,2", "--limit", "1"].as_slice();
    for (arguments, status) in [(["--fake"].as_slice(), 1), (killed, 1), (sweep, 0), (wrong_start, 2)] {
        let output = crawl().args(arguments).stderr(full()).output().expect("it starts");
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
    }
}

#[test]
fn one_s_own_site_can_be_crawled_against_its_robots_txt() {
    let site = Site::start();
    let (status, text) = said(&["--ignore-robots", &site.at("/private/secret")]);
    assert_eq!(status, 3, "it is fetched, and is not there: {text}");
    assert!(site.asked().contains_key("/private/secret"));
}

#[test]
fn a_sweep_prints_a_row_for_each_number_of_workers() {
    let output =
        crawl().args(["--fake", "--latency", "5", "--workers", "1,2,4"]).output().expect("it starts");
    let table = String::from_utf8(output.stdout).expect("UTF-8");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.iter().skip(1).map(|row| row[0]).collect::<Vec<_>>(), ["1", "2", "4"], "{table}");
    assert!(rows.iter().skip(1).all(|row| row[1] == "5"), "{table}");
    assert_eq!(output.status.code(), Some(1), "a dead link was found, as a single crawl finds it");
    let summary = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(summary.contains("\n1 dead link:\n  http://golang.org/cmd/ (status 404)"), "{summary}");
    let site = Site::start();
    let (status, text) = said(&["--workers", "1,2", &site.at("/no/such")]);
    assert_eq!((status, text.contains("status 404")), (3, true), "{text}");
}

#[test]
fn a_crawl_without_a_page_prints_nothing_and_leaves_the_last_one_s_file_alone() {
    let site = Site::start();
    let folder = tempfile::tempdir().expect("a place for files");
    let file = folder.path().join("pages");
    let name = file.to_str().expect("UTF-8");
    let max = MAX_BYTES.to_string();
    let unused =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    std::fs::write(&file, "precious").expect("written");
    let on_site = ["/private/secret", "/out", "/no/such", "/r/a", "/lost", "/chain/0", "/large", "/nowhere"];
    let mut starts = vec!["ftp://example.invalid/".to_owned(), format!("http://{unused}/")];
    starts.extend(on_site.map(|path| site.at(path)));
    for format in ["text", "json", "dot"] {
        for start in &starts {
            let scope = start.parse::<url::Url>().and_then(|url| url.join("/")).expect("a URL").to_string();
            let arguments = ["--format", format, "--max-bytes", &max, "--scope", &scope, start];
            let (status, text) = said(&[&arguments, &["--output", name][..]].concat());
            assert!(matches!(status, 2 | 3), "{start}: {status}: {text}");
            assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "precious", "{start}");
            let output = crawl().args(arguments).output().expect("it starts");
            assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{start}");
        }
    }
    let (_, text) = said(&["--output", name, "--fake", "--format", "json", "--limit", "1"]);
    let written = std::fs::read_to_string(&file).expect("it is there");
    assert!(written.starts_with("{\"url\"") && written.lines().count() == 1, "{text}: {written}");
}

#[test]
fn a_start_that_only_redirects_is_told_when_the_crawl_has_an_answer() {
    let site = Site::start();
    let start = site.at("/moved");
    let output =
        crawl().args(["--limit", "1", "--scope", site.url.as_str(), &start]).output().expect("it starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("found: {start}\n"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_delay_keeps_fetches_apart_in_every_form() {
    for form in ["serial", "mutex", "channel", "pool", "rpc"] {
        let begin = std::time::Instant::now();
        let (status, _) = said(&["--fake", "--delay", "40", "--form", form]);
        assert_eq!(status, 1);
        assert!(begin.elapsed().as_millis() >= 4 * 40, "{form}: five fetches, four pauses");
    }
}
