//! `kv demo` prints ok when all is well, and cannot print it when it is not.

use crate::programs::{KV, run};

const SMALL: [&str; 5] = ["demo", "--calls", "1500", "--clients", "3"];

#[test]
fn the_demonstration_ends_in_ok() {
    let said = run(KV, SMALL).expect(0);
    assert!(said.last_line().starts_with("demo: ok: 1,500 of 1,500 appends by 3 processes"), "{}", said.out);
    for row in ["dropped", "duplicated", "delayed", "reordered", "connections cut", "handler runs", "p99"] {
        assert!(said.out.contains(row), "no row {row:?} in:\n{}", said.out);
    }
}

#[test]
fn a_server_that_is_killed_again_and_again_runs_every_append_exactly_once() {
    let said = run(KV, ["demo", "--crash", "--calls", "600", "--clients", "3"]).expect(0);
    let last = said.last_line();
    assert!(
        last.starts_with("demo: ok: 600 of 600 appends by 3 processes applied once, 0 unknown"),
        "{}",
        said.out
    );
}

#[test]
fn as_json_it_is_an_object_for_each_run_and_one_for_the_verdict() {
    let said = run(KV, SMALL.into_iter().chain(["--format", "json"])).expect(0);
    let objects: Vec<serde_json::Value> =
        said.out.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert_eq!(objects.len(), 3, "{}", said.out);
    assert_eq!((&objects[0]["filter"], &objects[1]["filter"]), (&true.into(), &false.into()));
    for run in &objects[..2] {
        assert_eq!(run.as_object().map(serde_json::Map::len), Some(25), "{run}");
        assert_eq!(run["pairs_right"], 5305);
        assert!(run["latency_ms_p99"].is_number(), "{run}");
    }
    assert_eq!((&objects[0]["appends_once"], &objects[0]["appends_doubled"]), (&1500.into(), &0.into()));
    assert_eq!(objects[2]["demo"], "ok");
    run(KV, ["demo", "--narrate", "--format", "json"]).expect(2);
}

#[test]
fn a_demonstration_judged_without_the_filter_fails() {
    let said = run(KV, SMALL.into_iter().chain(["--judge-unfiltered"])).expect(5);
    assert!(said.last_line().starts_with("demo: FAILED: "), "{}", said.out);
    assert!(said.last_line().contains("appends applied twice or more"), "{}", said.out);
}

#[test]
fn a_demonstration_that_takes_too_long_fails() {
    let said = run(KV, SMALL.into_iter().chain(["--limit", "200ms"])).expect(5);
    assert!(said.last_line().starts_with("demo: FAILED: "), "{}", said.out);
}

#[test]
fn the_story_of_one_call_is_told() {
    let said = run(KV, ["demo", "--narrate"]).expect(0);
    assert!(said.out.contains("<-- LOST"), "{}", said.out);
    let end = "One append was asked for. With the filter the key holds \"hello!\", without it \"hello!!\".";
    assert_eq!(said.last_line(), end);
}

/// The process ids of the children of a process.
#[cfg(target_os = "linux")]
fn children_of(pid: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    // The fourth field of `stat` is the parent. The second is the name, which has no blanks here.
    pids.filter(|child| {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        stat.split(' ').nth(3) == Some(&pid.to_string())
    })
    .collect()
}

/// In whatever way the demonstration is ended, its server and its clients end with it.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_demonstration_leaves_no_process_behind() {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    for (name, status) in [("INT", Some(130)), ("KILL", None)] {
        let mut demo = Command::new(KV).arg("demo").stdout(Stdio::null()).spawn().expect("kv was built");
        let until = Instant::now() + Duration::from_secs(120);
        let wait_for = |what: &str, done: &dyn Fn() -> bool| {
            while !done() {
                assert!(Instant::now() < until, "SIG{name}: {what}");
                std::thread::yield_now();
            }
        };
        wait_for("server and clients start", &|| children_of(demo.id()).len() == 7);
        let children = children_of(demo.id());
        crate::programs::signal(demo.id(), name);
        assert_eq!(demo.wait().expect("it was started").code(), status);
        let is_there =
            |pid: &u32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty());
        wait_for("its children end", &|| !children.iter().any(is_there));
    }
}
