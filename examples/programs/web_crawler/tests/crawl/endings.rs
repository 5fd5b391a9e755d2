//! Each form ends, with all its threads and processes, at every moment.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rpc_web_crawler::forms::{Form, rpc::Processes};
use rpc_web_crawler::page::{Outcome, Page};
use rpc_web_crawler::progress::Watch;
use rpc_web_crawler::site::{Fetch, Settings};
use rpc_web_crawler::task::Task;
use url::Url;

use crate::agreement::crawl;

/// A site without end: each page links to ten others. Fetch number `fatal` panics.
struct Endless {
    fetches: Arc<AtomicUsize>,
    fatal: usize,
}

impl Fetch for Endless {
    fn fetch(&self, url: &Url) -> Page {
        let number = self.fetches.fetch_add(1, Ordering::SeqCst);
        assert!(number != self.fatal, "as asked");
        let links = (0..10).map(|link| url.join(&format!("{number}-{link}")).expect("a URL")).collect();
        Page { links, ..Page::bare(url, Outcome::Answered(200)) }
    }
}

fn processes() -> Processes {
    let (time_out, latency) = (Duration::from_secs(5), Duration::ZERO);
    let settings = Settings { fake: true, time_out, max_bytes: 1 << 20, latency, connections: 1 };
    Processes {
        program: env!("CARGO_BIN_EXE_crawl").into(),
        settings,
        lease: Duration::from_secs(1),
        kill_after: None,
    }
}

#[test]
fn the_limit_stops_every_form_in_a_site_without_end_and_a_panic_stops_none() {
    for form in [Form::Serial, Form::Mutex, Form::Channel, Form::Pool] {
        for (limit, workers) in [(1, 4), (2, 1), (57, 3), (500, 32)] {
            let fetches = Arc::new(AtomicUsize::new(0));
            let site = Endless {
                fetches: Arc::clone(&fetches),
                fatal: if limit > 1 { limit / 2 } else { usize::MAX },
            };
            let mut task = Task::new("http://endless.invalid/".parse().expect("a URL"), Box::new(site));
            (task.limit, task.workers) = (limit, workers);
            let task = Arc::new(task);
            form.crawl(&task, &processes()).expect("it ends");
            assert_eq!(fetches.load(Ordering::SeqCst), limit, "{form}");
            let pages = task.take_pages();
            assert_eq!(pages.len(), limit, "{form}: also the page whose fetch panicked");
            assert_eq!(
                pages.iter().filter(|page| page.status() == 0).count(),
                usize::from(limit > 1),
                "{form}"
            );
            assert_eq!((task.watch.in_flight(), task.watch.was_cut_short()), (0, true), "{form}");
            assert!(task.watch.most_in_flight() <= workers, "{form}");
            assert_eq!(Arc::strong_count(&fetches), 2, "{form}: no thread keeps the task");
            drop(task);
            assert_eq!(Arc::strong_count(&fetches), 1, "{form}");
        }
    }
}

#[test]
fn a_crawl_that_is_asked_to_end_does_so_in_every_form() {
    struct Stopping(Endless, Arc<Watch>);
    impl Fetch for Stopping {
        fn fetch(&self, url: &Url) -> Page {
            let page = self.0.fetch(url);
            if self.0.fetches.load(Ordering::SeqCst) >= 40 {
                self.1.stop();
            }
            page
        }
    }
    for form in [Form::Serial, Form::Mutex, Form::Channel, Form::Pool] {
        let watch = Arc::new(Watch::default());
        let endless = Endless { fetches: Arc::default(), fatal: usize::MAX };
        let site = Box::new(Stopping(endless, Arc::clone(&watch)));
        let mut task = Task::new("http://endless.invalid/".parse().expect("a URL"), site);
        (task.workers, task.watch) = (8, watch);
        let task = Arc::new(task);
        form.crawl(&task, &processes()).expect("it ends");
        let pages = task.take_pages().len();
        assert!((40..=40 + 8).contains(&pages), "{form}: {pages}, those in flight included");
        assert_eq!(task.watch.in_flight(), 0);
    }
}

#[test]
fn when_nobody_reads_the_output_any_more_every_form_ends_early() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = many_pages(2000);
    for form in Form::ALL {
        let mut child = crawl()
            .args(["--workers", "4", "--latency", "300", "--form", &form.to_string()])
            .arg(directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        assert_eq!(lines.take(3).count(), 3); // and the pipe is closed, as `head -3` does
        let begin = Instant::now();
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{form}: a closed pipe is no failure");
        // Two and a half minutes of pages were left, more in the serial form: a busy machine is not taken for that.
        assert!(begin.elapsed() < Duration::from_secs(100), "{form}: it went on");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{form}");
    }
}

/// Lets one of these tests run at a time, because they look at processes.
static ALONE: Mutex<()> = Mutex::new(());

fn children_of(parent: u32) -> Vec<u32> {
    let is_child = |stat: &str| stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok();
    let processes = std::fs::read_dir("/proc")
        .expect("Linux")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let stat = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    processes.filter(|pid| is_child(&stat(pid)) == Some(parent)).collect()
}

fn signal(name: &str, process: u32) {
    let status = Command::new("kill").args([name, &process.to_string()]).status().expect("kill is there");
    assert!(status.success());
}

/// A directory of pages in a chain of threes, deep enough that the crawl lasts.
fn many_pages(count: usize) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a place for files");
    for page in 0..count {
        let links: String = (1..=3)
            .map(|link| format!("<a href='{}.html'>x</a>", (3 * page + link).min(count - 1)))
            .collect();
        std::fs::write(directory.path().join(format!("{page}.html")), links).expect("written");
    }
    std::fs::rename(directory.path().join("0.html"), directory.path().join("index.html")).expect("renamed");
    directory
}

/// Crawls 200 pages with 4 workers, does `harm` to the workers when 20 pages are there, and returns the lines and the
/// messages.
fn crawl_and_harm(harm: impl FnOnce(&[u32])) -> (Vec<String>, String, Vec<u32>) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = many_pages(200);
    let mut child = crawl()
        .args(["--form", "rpc", "--workers", "4", "--latency", "60", "--lease", "0.6"])
        .arg(directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut output =
        BufReader::new(child.stdout.take().expect("piped")).lines().map(|line| line.expect("UTF-8"));
    let mut lines: Vec<String> = output.by_ref().take(20).collect();
    let workers = children_of(child.id());
    assert_eq!(workers.len(), 4);
    harm(&workers);
    lines.extend(output);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().expect("piped"), &mut said).expect("UTF-8");
    let status = child.wait().expect("it ended");
    lines.push(status.code().expect("not killed").to_string());
    (lines, said, workers)
}

fn is_alive(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn pages_of_killed_and_of_stopped_workers_go_to_others_and_each_is_recorded_once() {
    let (mut lines, said, workers) = crawl_and_harm(|workers| {
        signal("-KILL", workers[0]);
        signal("-KILL", workers[1]);
        signal("-STOP", workers[2]); // alive, but it does not renew its lease: the coordinator cannot see the difference
    });
    assert_eq!(lines.pop().as_deref(), Some("0"), "{said}");
    lines.sort();
    assert_eq!(lines.len(), 200, "{said}");
    lines.dedup();
    assert_eq!(lines.len(), 200, "each page once");
    assert_eq!(said.matches("has died").count(), 2, "{said}");
    // Almost always 3, but on a busy machine a worker may renew its lease too late.
    assert!(said.contains("goes to another"), "{said}");
    assert!(workers.into_iter().all(|worker| !is_alive(worker)), "the stopped one as well has ended");
}

#[test]
fn without_workers_the_crawl_fails_and_says_so() {
    let (mut lines, said, workers) =
        crawl_and_harm(|workers| workers.iter().for_each(|&worker| signal("-KILL", worker)));
    assert_eq!(lines.pop().as_deref(), Some("5"));
    assert!(said.contains("crawl: all workers have died, and there are pages left"), "{said}");
    assert!(workers.into_iter().all(|worker| !is_alive(worker)));
}

#[test]
fn workers_whose_coordinator_is_killed_end_by_themselves() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = many_pages(2000);
    let mut child = crawl()
        .args(["--form", "rpc", "--workers", "3", "--latency", "50"])
        .arg(directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert_eq!(lines.take(10).count(), 10);
    let workers = children_of(child.id());
    child.kill().expect("it lives");
    child.wait().expect("it ended");
    let until = Instant::now() + Duration::from_secs(120);
    while workers.iter().any(|&worker| is_alive(worker)) {
        assert!(Instant::now() < until, "a worker outlived its coordinator by far");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_limit_ends_the_workers_too() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = many_pages(300);
    let output =
        crawl().args(["--form", "rpc", "--limit", "50"]).arg(directory.path()).output().expect("it starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 50);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the limit on pages left some out"));
}

#[test]
fn a_worker_that_is_killed_by_the_demonstration_costs_no_page() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = many_pages(120);
    let output = crawl()
        .args(["--form", "rpc", "--workers", "3", "--latency", "20", "--lease", "0.5", "--kill-after", "30"])
        .arg(directory.path())
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 120, "{said}");
    assert!(said.contains("killing worker") && said.contains("has died"), "{said}");
}

/// A machine that stands still for the length of a lease keeps a worker from renewing it. That does not happen ten times in
/// a row.
#[test]
fn a_page_that_takes_longer_than_a_lease_is_not_given_away_while_its_worker_lives() {
    let arguments = ["--fake", "--form", "rpc", "--workers", "2", "--latency", "1500", "--lease", "0.6"];
    let is_kept = |_| {
        let output = crawl().args(arguments).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 5, "{said}");
        !said.contains("goes to another")
    };
    assert!((0..10).any(is_kept), "each time a page was given away");
}
