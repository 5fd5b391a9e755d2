//! ^C in the middle: the pages found so far are printed, with a summary, and no process is left.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock, mpsc};

use rpc_web_crawler::local_server::{Answer, LocalServer};

use crate::agreement::{FORMS, crawl};

/// Starts it in its own process group, which is what ^C is sent to.
fn start(arguments: &[&str]) -> Child {
    let command = &mut crawl();
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.spawn().expect("it starts")
}

fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", "--", &format!("-{}", child.id())]).status();
    assert!(status.expect("kill is there").success());
}

#[test]
fn what_was_found_before_an_interrupt_is_printed_in_every_form() {
    for form in FORMS {
        let gate = Arc::new(RwLock::new(()));
        let closed = gate.write().expect("not poisoned"); // until it is dropped, page 20 and later have no answer
        let (at_the_gate, arrived) = mpsc::channel();
        let (inside, asked) = (Arc::clone(&gate), AtomicUsize::new(0));
        let server = LocalServer::start(Box::new(move |path| {
            let Ok(number) = path.trim_start_matches('/').parse::<usize>() else {
                return Ok(Answer::missing());
            };
            if asked.fetch_add(1, Ordering::SeqCst) >= 20 {
                let _ = at_the_gate.send(());
                drop(inside.read());
            }
            let links = [2 * number + 1, 2 * number + 2].map(|to| format!("<a href={to}>x</a>"));
            Ok(Answer::page("text/html", links.concat()))
        }));
        let server = server.expect("a free port");
        let first = server.url().join("0").expect("a URL").to_string();
        let mut child = start(&["--form", form, "--workers", "2", "--format", "json", &first]);
        arrived.recv().expect("a page is under way");
        interrupt(&child);
        let mut said = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("UTF-8");
        assert!(line.starts_with("stopping: what is being fetched is recorded"), "{form}: {line}");
        drop(closed);
        let mut summary = String::new();
        said.read_to_string(&mut summary).expect("UTF-8");
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(130), "{form}: {summary}");
        let pages = String::from_utf8(output.stdout).expect("UTF-8").lines().count();
        assert!((21..=22).contains(&pages), "{form}: {pages}, with those in flight");
        assert!(summary.starts_with(&format!("{pages} pages, ")), "{form}: {summary}");
        assert!(
            summary.contains("; stopped by a signal before the end\nno dead links\n"),
            "{form}: {summary}"
        );
    }
}

#[test]
fn an_interrupt_ends_the_longest_pause_in_every_form() {
    for form in FORMS {
        let mut child = start(&["--fake", "--delay", "86400000", "--form", form]);
        let mut pages = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        pages.read_line(&mut line).expect("UTF-8");
        assert_eq!(line, "found: http://golang.org/\n", "{form}");
        interrupt(&child);
        pages.read_to_string(&mut line).expect("UTF-8");
        assert_eq!(line.lines().count(), 1, "{form}: {line}");
        assert_eq!(child.wait().expect("it ends").code(), Some(130), "{form}");
    }
}
