//! The bad schedule of every broken version is found at every run, and the same one; the fixed programs have none.

use std::path::Path;
use std::process::Command;

use rpc_interleavings::{TOPICS, report};

#[test]
fn the_broken_version_is_found_and_the_fixed_program_is_not() {
    for topic in &TOPICS {
        let (text, as_it_should) = report(topic);
        assert!(as_it_should, "{text}");
        let own_words = ["blocked tasks", "left == right"].iter().any(|words| text.contains(words));
        assert!(!own_words, "a mistake is told by its threads, and not in the checker's words: {text}");
        if topic.name == "mutex" {
            assert!(
                text.contains("goes wrong: deadlock: thread 1 holds account A, wants account B; "),
                "{text}"
            );
        }
    }
}

/// `vote --form racy` prints this file.
#[test]
fn the_lost_update_is_found_with_the_schedule_that_the_lesson_prints() {
    let (text, _) = report(&TOPICS[0]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("found/counter.txt");
    let shipped = std::fs::read_to_string(path).expect("it is shipped");
    assert_eq!(shipped, text, "write it anew: cargo run -q -p rpc-interleavings -- counter");
}

#[test]
fn the_search_takes_the_same_way_each_time() {
    let long = ["semaphore", "wait-group", "wait-if", "signal"]; // thousands of schedules each
    for topic in TOPICS.iter().filter(|topic| !long.contains(&topic.name)) {
        assert_eq!(report(topic), report(topic), "{}", topic.name);
    }
}

/// `vote --form racy` prints this file as well.
#[test]
fn the_value_that_is_not_visible_yet_is_found_and_the_order_of_both_mends_it() {
    let topic = TOPICS.iter().find(|topic| topic.name == "visibility").expect("it is a topic");
    let (text, _) = report(topic);
    assert!(text.contains("goes wrong: the flag is visible and the value is not"), "{text}");
    assert!(text.contains("reader   loads the value: 0"), "{text}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("found/visibility.txt");
    let shipped = std::fs::read_to_string(path).expect("it is shipped");
    assert_eq!(shipped, text, "write it anew: cargo run -q -p rpc-interleavings -- visibility");
}

/// The page's other commands are run by the tests of the other examples.
#[test]
fn the_commands_of_the_lecture_s_page_run() {
    const PAGE: &str = include_str!("../../../../docs/lecture.md");
    let mut ran = 0;
    for line in PAGE.lines().filter_map(|line| line.strip_prefix("cargo run -p rpc-interleavings")) {
        let topics = line.strip_prefix(" -- ").into_iter();
        let ended = Command::new(env!("CARGO_BIN_EXE_rpc-interleavings")).args(topics).output();
        let ended = ended.expect("it starts");
        let err = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), &*err), (Some(0), ""), "{line}: the report is all that it says");
        ran += 1;
    }
    assert!(ran >= 2, "only {ran} commands");
}
