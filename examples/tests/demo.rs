//! `kv demo`: that it says ok when all is well, and that it cannot say so when it is not.

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
