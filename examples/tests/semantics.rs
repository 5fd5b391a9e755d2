//! `semantics`: each mode gives what it promises, on any seed, and the same each time.

use crate::programs::run;

const SEMANTICS: &str = env!("CARGO_BIN_EXE_semantics");

/// The numbers of a mode's row: exact, lost, doubled, unknown.
fn row(out: &str, mode: &str) -> [u32; 4] {
    let line = out
        .lines()
        .find(|line| line.split_whitespace().next() == Some(mode) && line.split_whitespace().count() > 2);
    let line = line.unwrap_or_else(|| panic!("no row for {mode} in {out}"));
    let numbers: Vec<u32> =
        line.split_whitespace().skip(1).map(|word| word.parse().expect("a count")).collect();
    [numbers[0], numbers[1], numbers[2], numbers[3]]
}

/// Returns the sentence of a mode that begins so; nothing if there is none.
fn sentence<'a>(out: &'a str, mode: &str, begin: &str) -> &'a str {
    let section = out.lines().skip_while(|line| *line != mode).take_while(|line| !line.is_empty());
    section.map(str::trim_start).find(|line| line.starts_with(begin)).unwrap_or_default()
}

/// Returns the number before these words; 0 if they are not there.
fn before(sentence: &str, words: &str) -> u32 {
    let number = sentence.split_once(words).and_then(|(before, _)| before.split_whitespace().last());
    number.map_or(0, |number| number.parse().expect("a count"))
}

#[test]
fn each_mode_gives_what_it_promises() {
    for seed in 1..=5 {
        let said = run(SEMANTICS, ["--seed", &seed.to_string()]).expect(0);
        let [_, lost, doubled, unknown] = row(&said.out, "no-retry");
        assert!(lost > 0 && doubled == 0 && unknown > 0, "{}", said.out);
        let [_, lost, doubled, _] = row(&said.out, "at-least-once");
        assert!(lost == 0 && doubled > 0, "{}", said.out);
        assert_eq!(row(&said.out, "at-most-once"), [400, 0, 0, 0], "{}", said.out);
        assert_eq!(row(&said.out, "exactly-once"), [400, 0, 0, 0], "{}", said.out);
        assert!(said.out.contains("semantics: ok"), "{}", said.out);
    }
}

#[test]
fn a_seed_gives_the_same_output_again() {
    let once = |arguments: &[&str]| run(SEMANTICS, arguments.iter().copied()).expect(0).out;
    let arguments = ["--seed", "9", "--restarts", "5", "--copies", "0.05"];
    assert_eq!(once(&arguments), once(&arguments));
    assert_ne!(once(&["--seed", "1"]), once(&["--seed", "2"]));
}

#[test]
fn a_server_that_dies_leaves_unknown_calls_and_no_doubled_ones() {
    let said = run(SEMANTICS, ["--mode", "at-most-once", "--restarts", "20"]).expect(0);
    let [exact, lost, doubled, unknown] = row(&said.out, "at-most-once");
    assert!(doubled == 0 && unknown > 0 && lost <= unknown && exact + lost == 400, "{}", said.out);
}

#[test]
fn a_server_that_dies_with_its_records_on_disk_loses_and_doubles_nothing_and_leaves_nothing_unknown() {
    for seed in 1..=5 {
        for copies in ["0", "0.05"] {
            let seed = seed.to_string();
            let arguments =
                ["--mode", "exactly-once", "--restarts", "60", "--copies", copies, "--seed", seed.as_str()];
            let said = run(SEMANTICS, arguments).expect(0);
            assert_eq!(row(&said.out, "exactly-once"), [400, 0, 0, 0], "{}", said.out);
        }
    }
}

#[test]
fn a_network_that_repeats_frames_doubles_what_no_filter_stops() {
    let said = run(SEMANTICS, ["--copies", "0.1"]).expect(0);
    assert!(row(&said.out, "no-retry")[2] > 0, "{}", said.out);
    assert_eq!(row(&said.out, "at-most-once"), [400, 0, 0, 0], "{}", said.out);
}

#[test]
fn a_share_that_is_none_is_refused() {
    for share in ["0.6", "-1", "x", "NaN"] {
        run(SEMANTICS, ["--copies", share]).expect(2);
    }
}

#[test]
fn each_sentence_is_true_of_what_happened() {
    for arguments in [
        ["--appends", "400"],
        ["--appends", "1"],
        ["--appends", "3000"],
        ["--restarts", "50"],
        ["--copies", "0.1"],
    ] {
        let out = run(SEMANTICS, arguments).expect(0).out;
        let [_, all, _, unknown] = row(&out, "no-retry");
        let lost = sentence(&out, "no-retry", "lost ");
        let (vanished, never_left) = (before(lost, " whose request did not"), before(lost, " never sent"));
        assert_eq!(vanished + never_left, all, "{lost}: {out}");
        let ran = before(sentence(&out, "no-retry", "unknown "), " of them did");
        assert_eq!(vanished, unknown - ran, "{lost}: {out}");
        assert_eq!(
            sentence(&out, "no-retry", &format!("given up {never_left}:")).is_empty(),
            never_left == 0
        );
        assert_eq!(lost.contains("died with the server"), arguments[0] == "--restarts", "{lost}");
        let doubled = sentence(&out, "at-least-once", "doubled ");
        assert_eq!(doubled.contains("the network repeated"), arguments[0] == "--copies", "{doubled}");
    }
}

#[test]
fn a_call_that_never_left_is_not_said_to_have_vanished() {
    let out = run(SEMANTICS, ["--appends", "1", "--seed", "1"]).expect(0).out;
    let lost = "lost 1: 1 never sent (given up); it was not sent again.";
    assert_eq!(sentence(&out, "no-retry", "lost "), lost);
    assert!(sentence(&out, "at-least-once", "doubled 0").contains("by luck"), "{out}");
}

#[test]
fn a_story_tells_why_an_append_is_doubled_and_why_the_filter_has_it_once() {
    let story = |mode: &str, arguments: &[&str]| {
        let said = run(SEMANTICS, [&["--mode", mode, "--trace"], arguments].concat()).expect(0);
        let lines: Vec<String> = said.out.lines().map(|line| line.trim().to_owned()).collect();
        let begin = lines.iter().position(|line| line.starts_with("the story of append "));
        lines[begin.unwrap_or_else(|| panic!("no story in {}", said.out))..].to_vec()
    };
    let count = |lines: &[String], text: &str| lines.iter().filter(|line| line.contains(text)).count();
    let doubled = story("at-least-once", &[]);
    assert!(count(&doubled, "again: a duplicate") > 0, "{doubled:#?}");
    assert_eq!(count(&doubled, "the handler of Kv.append begins"), 2, "{doubled:#?}");
    assert_eq!(count(&doubled, "at the end it is in the store 2 times."), 1, "{doubled:#?}");
    let once = story("at-most-once", &[]);
    assert!(count(&once, "again: a duplicate") > 0, "{once:#?}");
    assert_eq!(count(&once, "the handler of Kv.append begins"), 1, "{once:#?}");
    assert_eq!(count(&once, "caller            verdict: value: it ran"), 1, "{once:#?}");
    assert_eq!(count(&once, "at the end it is in the store once."), 1, "{once:#?}");
    let third = story("no-retry", &["2"]);
    assert_eq!(third[0], "the story of append 2:");
    assert_eq!(count(&third, "append(key: \"key2\", value: \"<2>\")"), 2, "sent and arrived: {third:#?}");
}

#[test]
fn the_story_of_an_append_that_there_is_not_is_refused() {
    let said = run(SEMANTICS, ["--appends", "10", "--trace", "10"]).expect(2);
    assert_eq!(said.err, "semantics: --trace 10: there are 10 appends, and the first is number 0\n");
}
