//! The small programs: the lecture's `kv.go` in two forms, calls by name, periodic work.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::programs::{run, signal};

#[test]
fn the_lectures_program_says_what_it_says_in_go() {
    let expected = "Put(subject, 6.824) done\nget(subject) -> 6.824\nget(object) -> ErrNoKey\n";
    assert_eq!(run(env!("CARGO_BIN_EXE_lecture_kv"), [""; 0]).expect(0).out, expected);
    let kept = run(env!("CARGO_BIN_EXE_lecture_kv_kept"), [""; 0]).expect(0).out;
    let mut lines: Vec<_> = kept.lines().collect();
    lines[1..].sort_unstable(); // two threads, in either order
    lines[1..].reverse();
    assert_eq!(lines, expected.lines().collect::<Vec<_>>());
}

#[test]
fn both_forms_of_the_lectures_program_are_under_sixty_lines() {
    for text in
        [include_str!("../programs/lecture_kv/main.rs"), include_str!("../programs/lecture_kv/kept.rs")]
    {
        assert!(text.lines().count() < 60);
    }
}

#[test]
fn a_call_by_name_needs_no_trait() {
    let said = run(env!("CARGO_BIN_EXE_by_name"), [""; 0]).expect(0);
    assert!(said.out.contains("the server has: fn get(key: &str) -> Option<String>\n"), "{}", said.out);
    assert!(said.out.contains("\nKv.get(subject) -> Some(\"6.824\")\n"), "{}", said.out);
    assert!(said.out.contains("there is no `Kv.remove`; `Kv` has `Kv.get("), "{}", said.out);
}

#[test]
fn periodic_work_is_done_while_calls_are_served_and_ends_cleanly() {
    // On a busy machine no round may fall into the second half of the second: then the program is run again.
    let something_expired = |_| {
        let said = run(env!("CARGO_BIN_EXE_periodic"), ["--every", "50ms", "--for", "1s"]).expect(0);
        let lines: Vec<&str> = said.out.lines().filter(|line| line.contains(", round ")).collect();
        for (line, round) in lines.iter().zip(1_u64..) {
            let (at, rest) = line.trim_start().split_once(" ms, round ").expect("when, and which");
            assert!(at.parse::<u64>().expect("milliseconds") >= 50 * round, "too early: {}", said.out);
            assert!(rest.starts_with(&format!("{round}: ")), "{}", said.out);
        }
        let rounds = lines.len();
        assert!(
            said.out.contains(&format!("stopped: {rounds} rounds, the thread has ended")),
            "{}",
            said.out
        );
        lines.iter().any(|line| !line.contains(" 0 expired"))
    };
    assert!((0..10).any(something_expired));
}

/// An interrupt ends the demonstration at once, also during its next call.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_periodic_work_as_its_time_would() {
    let mut periodic = Command::new(env!("CARGO_BIN_EXE_periodic"))
        .args(["--every", "50ms", "--for", "1h"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it was built");
    let mut lines = BufReader::new(periodic.stdout.take().expect("piped")).lines();
    assert!(lines.next().expect("a round").expect("text").contains(", round 1: "));
    signal(periodic.id(), "INT");
    let rest: Vec<_> = lines.map(|line| line.expect("text")).collect();
    let ended = periodic.wait_with_output().expect("it was started");
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
    // A call that waits for a server that drains does so for five seconds: a hundred rounds.
    assert!(rest.len() < 60, "{} more rounds", rest.len());
    assert!(rest.last().is_some_and(|line| line.starts_with("stopped: ")), "{rest:?}");
}

#[test]
fn many_callers_wait_on_few_threads_and_all_are_told() {
    let said = run(env!("CARGO_BIN_EXE_later"), ["--callers", "500"]).expect(0);
    let held = said.out.contains("501 calls are held on 4 threads");
    assert!(held && said.out.contains("501 callers were told"), "{}", said.out);
}
