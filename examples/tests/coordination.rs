//! `coordination`: each broken version is reported, and each fixed program ends.

use crate::programs::run;

const COORDINATION: &str = env!("CARGO_BIN_EXE_coordination");

#[test]
fn every_broken_version_goes_wrong_and_every_fixed_program_ends() {
    for topic in [
        "mutex",
        "condvar",
        "wait-if",
        "signal",
        "channel",
        "one-thread",
        "wait-group",
        "semaphore",
        "stop",
        "own-server",
    ] {
        let said = run(COORDINATION, [topic, "--broken"]).expect(1);
        assert!(said.out.contains("STUCK") || said.out.contains("WRONG"), "{}", said.out);
        let said = run(COORDINATION, [topic]).expect(0);
        assert!(said.out.contains("it ends, and is right"), "{}", said.out);
    }
}

#[test]
fn the_report_says_who_holds_what_and_waits_for_what() {
    let said = run(COORDINATION, ["mutex", "--broken"]).expect(1);
    assert!(said.out.contains("thread 1 holds account A, wants account B"), "{}", said.out);
    assert!(said.out.contains("thread 2 holds account B, wants account A"), "{}", said.out);
}

#[test]
fn a_topic_that_is_not_there_is_told() {
    run(COORDINATION, ["quantum"]).expect(2);
    run(COORDINATION, ["--broken"]).expect(2);
}
