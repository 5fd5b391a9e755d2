//! Tests of the stages: programs that are scripts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use super::{Finder, Outcome, Stage, Stages, Verdict, failed_test, tree};

#[test]
fn a_failed_test_is_known_by_its_line() {
    assert_eq!(failed_test("test a::b ... FAILED"), Some("a::b"));
    assert_eq!(failed_test("test a::b - should panic ... FAILED"), Some("a::b"));
    assert_eq!(failed_test("test a::b ... ok"), None);
    assert_eq!(failed_test("test result: FAILED. 1 passed"), None);
}

/// Stages whose one program is a script; `name` tells their folders apart.
fn stages(name: &str, script: &str, timed: bool) -> (Stages, PathBuf) {
    let root = std::env::temp_dir().join(format!("rpc-planted-{name}-{}", std::process::id()));
    fs::create_dir_all(tree::tree(&tree::work_folder(&root)).join("rpc-core")).expect("a folder");
    let program = root.join("program");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a script");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
    let programs = BTreeMap::from([("lib".to_owned(), program)]);
    let mut stages = Stages::new(&root, programs, Duration::from_secs(60));
    stages.stages =
        vec![(Stage { name: "unit", target: "lib", words: &[], timed, net: true }, Duration::from_secs(60))];
    (stages, root)
}

#[test]
fn what_passes_survives_and_what_fails_is_killed_by_its_test() {
    let (passing, root) = stages("passing", "echo 'test a ... ok'", false);
    assert!(matches!(passing.judge(1, true, false), Verdict::Survived));
    let failing = "[ $RPC_PLANTED = 2 ] && echo 'test a::b ... FAILED' && exit 101; exit 0";
    let (failing, other) = stages("failing", failing, false);
    assert!(matches!(failing.judge(1, true, false), Verdict::Survived));
    assert!(matches!(failing.judge(2, true, false), Verdict::Killed("unit", test) if test == "a::b"));
    [root, other].iter().for_each(|root| fs::remove_dir_all(root).expect("it was made above"));
}

#[test]
fn the_test_that_found_a_fault_before_is_asked_first_and_by_its_name() {
    let script = "[ \"$1 $2\" = 'a::b --exact' ] && [ $RPC_PLANTED = 2 ] && echo 'test a::b ... FAILED' && exit 101; exit 0";
    let (stages, root) = stages("first", script, false);
    let finder = |test: &str| Finder { stage: "unit".to_owned(), test: test.to_owned() };
    assert!(matches!(stages.ask(2, &finder("a::b")), Some(Verdict::Killed("unit", test)) if test == "a::b"));
    assert!(stages.ask(1, &finder("a::b")).is_none(), "it does not find this one");
    assert!(stages.ask(2, &finder("a::c")).is_none(), "there is no such test");
    let elsewhere = Finder { stage: "none".to_owned(), ..finder("a::b") };
    assert!(stages.ask(2, &elsewhere).is_none(), "there is no such stage");
    assert!(stages.check_finders(&[&finder("a::b")]).is_ok());
    fs::remove_dir_all(root).expect("it was made above");
}

#[test]
fn a_test_that_is_asked_first_and_fails_with_nothing_planted_ends_the_run() {
    let (stages, root) = stages("first-broken", "[ $1 = a::b ] && exit 3; exit 0", false);
    let finder = Finder { stage: "unit".to_owned(), test: "a::b".to_owned() };
    assert!(stages.check_finders(&[&finder]).expect_err("it fails").contains("nothing is planted"));
    fs::remove_dir_all(root).expect("it was made above");
}

#[test]
fn a_program_that_does_not_end_is_hung_unless_a_test_of_it_failed() {
    let (mut silent, root) = stages("silent", "sleep 1000", false);
    silent.stages[0].1 = Duration::from_millis(50);
    assert!(matches!(silent.judge(1, true, false), Verdict::Hung("unit")));
    silent.stages.push(silent.stages[0]);
    silent.stages[1].0.name = "second";
    assert!(matches!(silent.judge(1, true, true), Verdict::Hung("unit")));
    let (failed, other) = stages("failed", "echo 'test a ... FAILED'; sleep 1000", false);
    assert!(matches!(failed.judge(1, true, false), Verdict::Killed("unit", test) if test == "a"));
    [root, other].iter().for_each(|root| fs::remove_dir_all(root).expect("it was made above"));
}

#[test]
fn among_threads_a_test_that_fails_once_has_found_nothing() {
    let once =
        "[ -e ../../../../failed ] || { touch ../../../../failed; echo 'test a ... FAILED'; exit 101; }";
    for (timed, killed) in [(true, false), (false, true)] {
        let (stages, root) = stages(&format!("once-{timed}"), once, timed);
        assert_eq!(matches!(stages.judge(1, true, false), Verdict::Killed(..)), killed, "timed: {timed}");
        assert!(root.join("failed").exists(), "it did fail");
        fs::remove_dir_all(root).expect("it was made above");
    }
}

#[test]
fn a_test_that_fails_by_chance_hides_none_that_comes_after_it() {
    // The first test fails whenever others run beside it, and passes alone. The second fails with the fault.
    let script = "[ \"$*\" = 'chance --exact' ] && exit 0\n\
                  case \"$*\" in *'--skip chance'*) ;; *'a --exact') ;; *) echo 'test chance ... FAILED'; exit 101;; esac\n\
                  [ $RPC_PLANTED = 2 ] && echo 'test a ... FAILED' && exit 101; exit 0";
    let (stages, root) = stages("chance", script, true);
    assert!(matches!(stages.judge(1, true, false), Verdict::Survived));
    assert!(matches!(stages.judge(2, true, false), Verdict::Killed("unit", test) if test == "a"));
    fs::remove_dir_all(root).expect("it was made above");
}

#[test]
fn a_program_that_ends_otherwise_each_time_has_found_its_fault_among_threads_too() {
    let script = "[ \"$2\" = --exact ] && exit 0; [ $RPC_PLANTED = 2 ] && exit 134; exit 0";
    let (stages, root) = stages("ends", script, true);
    assert!(matches!(stages.judge(1, true, false), Verdict::Survived));
    assert!(matches!(stages.judge(2, true, false), Verdict::Killed("unit", end) if end.contains("134")));
    fs::remove_dir_all(root).expect("it was made above");
}

#[test]
fn a_stage_that_fails_with_nothing_planted_ends_the_run() {
    let (mut stages, root) = stages("broken", "exit 3", false);
    assert!(stages.measure().expect_err("it fails").contains("nothing is planted"));
    let found = stages.found(stages.stages[0].0, &[], Duration::from_secs(60), 0);
    assert!(matches!(found, Outcome::Failed(_)));
    fs::remove_dir_all(root).expect("it was made above");
}
