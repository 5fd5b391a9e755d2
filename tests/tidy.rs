//! Holds the rules of the source that no compiler holds: layers, sizes, words, links, rule numbers. Only the standard library.
//!
//! Each rule is a function from the source to the places where it is broken, and each has a test beside it that plants
//! the mistake and sees it found. `CONTRIBUTING.md` lists the rules for people.

#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/guide.rs"]
mod guide;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/plain.rs"]
mod plain;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/words.rs"]
mod words;

use source::{Broken, House};

fn holds(broken: Vec<Broken>) {
    let places: Vec<String> = broken.iter().map(ToString::to_string).collect();
    assert!(places.is_empty(), "{} broken:\n{}", places.len(), places.join("\n"));
}

fn house() -> House {
    let house = House::of_the_workspace();
    assert!(house.rust.len() > 50 && house.pages.len() > 5, "the search for files finds too few: {house}");
    house
}

#[test]
fn imports_go_downwards() {
    holds(layers::upward_imports(&house()));
}

#[test]
fn the_protocol_names_no_socket_no_thread_and_no_clock() {
    holds(layers::operating_system(&house()));
}

#[test]
fn one_file_names_the_codec() {
    holds(layers::codec_outside_its_file(&house()));
}

#[test]
fn one_file_reports_events() {
    holds(layers::events_outside_their_file(&house()));
}

#[test]
fn no_destructor_takes_its_thread_for_granted() {
    holds(words::certain_thread_locals(&house()));
}

#[test]
fn files_are_short() {
    holds(shape::long_files(&house()));
}

#[test]
fn functions_are_short() {
    holds(shape::long_functions(&house()));
}

#[test]
fn every_file_says_what_it_is_for() {
    holds(shape::files_without_purpose(&house()));
}

#[test]
fn no_file_is_named_for_nothing() {
    holds(shape::empty_names(&house()));
}

#[test]
fn nothing_is_left_half_done() {
    holds(words::half_done(&house()));
}

#[test]
fn every_link_leads_somewhere() {
    holds(docs::dead_links(&house()));
}

#[test]
fn every_cited_wire_rule_is_written() {
    holds(docs::unwritten_rules(&house()));
}

#[test]
fn every_wire_rule_is_written_once() {
    holds(docs::rules_out_of_order(&house()));
}

#[test]
fn the_reading_guide_names_every_file() {
    holds(guide::unnamed_files(&house()));
}

#[test]
fn each_file_of_the_reading_guide_needs_only_what_came_before() {
    holds(guide::early_needs(&house()));
}

#[test]
fn the_reading_guide_counts_its_lines() {
    holds(guide::wrong_lines(&house()));
}

#[test]
fn words_are_plain_where_they_are_plain_already() {
    holds(plain::habits(&house()));
}

#[test]
fn subjects_of_commits_are_short() {
    holds(plain::long_subjects(&house()));
}

#[test]
fn the_path_of_one_call_names_functions_that_exist() {
    holds(guide::functions_off_the_path(&house()));
}
