//! The program `prove`: the attacks of its frames family hold, its table can be listed, and a wrong command line or a part that
//! runs nothing is a failure.

use std::process::{Command, Output};

fn prove(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_prove")).args(words).output().expect("it starts")
}

fn last_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn frames_that_break_the_protocol_are_refused_by_a_real_server() {
    let output = prove(&["attack", "frames", "--quick", "--seconds", "600"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(last_line(&output).starts_with("attack: ok cases=6 held=6 broken=0 not_run=0"), "{text}");
}

#[test]
fn what_calls_bring_pins_at_most_eight_megabytes_of_a_real_server() {
    let output = prove(&["attack", "arguments", "--quick", "--seconds", "600"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(last_line(&output).starts_with("attack: ok cases=4 held=4 broken=0 not_run=0"), "{text}");
}

#[test]
fn each_case_says_what_is_sent_and_what_must_be_the_answer() {
    let output = prove(&["attack", "--list"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let count = |start: &str| text.lines().filter(|line| line.trim_start().starts_with(start)).count();
    assert!(last_line(&output).starts_with("attack: ok cases="), "{text}");
    assert!(count("sent: ") > 70 && count("sent: ") == count("must: "), "{text}");
}

#[test]
fn a_name_that_no_case_has_is_a_wrong_command_line() {
    let output = prove(&["attack", "no such case"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no case has such a name"), "{said}");
}

/// A run that tries nothing shows nothing.
#[test]
fn a_part_that_has_nothing_to_run_is_not_ok() {
    let status = |words: &[&str]| prove(words).status.code();
    assert_eq!(status(&["simulate", "--count", "0"]), Some(2));
    assert_eq!(status(&["explore", "one_slot", "--count", "0"]), Some(1));
    assert_eq!(status(&["interleave", "--count", "0"]), Some(1));
    assert_eq!(status(&["explore", "--svg", "no/such/folder/file.svg"]), Some(2));
    assert_eq!(status(&["replay"]), Some(2));
}
