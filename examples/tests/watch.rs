//! `vote --watch` on a terminal: the picture is complete at its end, and the lines after it do not overwrite it.

use crate::programs::run;
use crate::terminal::run_on_terminal;

const VOTE: &str = env!("CARGO_BIN_EXE_vote");
const FORMS: [&str; 5] = ["spin", "sleep", "condvar", "channel", "pending"];

#[test]
fn the_picture_has_one_line_for_each_voter_and_the_closing_lines_follow() {
    for form in FORMS {
        let seen = run_on_terminal(VOTE, &["--watch", "--seed", "1", "--form", form], 40, 100);
        assert_eq!(seen.status, Some(0), "{seen:#?}");
        for voter in 1..=10 {
            assert_eq!(seen.count(&format!("  voter {voter} ")), 1, "voter {voter}: {seen:#?}");
        }
        assert_eq!(seen.count(" asked"), 0, "a voter without an event: {seen:#?}");
        assert!(seen.count(" released: ") > 0, "the rest is released: {seen:#?}");
        for line in
            [" majority: ", "the voters saw: ", "callers still waiting: 0", "processes still there: 0"]
        {
            assert_eq!(seen.count(line), 1, "{line:?}: {seen:#?}");
        }
    }
}

#[test]
fn every_form_has_its_picture_and_nothing_is_left_of_the_one_before() {
    let seen = run_on_terminal(VOTE, &["--watch", "--all-forms", "--in-process"], 40, 100);
    assert_eq!(seen.status, Some(0), "{seen:#?}");
    assert_eq!(seen.count("counting"), 0, "{seen:#?}");
    assert_eq!(seen.count(" majority: "), FORMS.len(), "{seen:#?}");
    for voter in 1..=10 {
        assert_eq!(seen.count(&format!("  voter {voter} ")), FORMS.len(), "voter {voter}: {seen:#?}");
    }
    assert_eq!(seen.count("processes still there: 0"), 1, "{seen:#?}");
}

#[test]
fn the_tables_fit_on_a_terminal_of_80_columns() {
    for arguments in [["--all-forms", "--need=10"], ["--form=leak", "--need=5"]] {
        let said = run(VOTE, arguments.into_iter().chain(["--in-process", "--patience=1s"]));
        let widths =
            said.out.lines().filter(|line| line.starts_with(['┌', '│'])).map(|line| line.chars().count());
        assert!(widths.max().expect("a table") <= 80, "{}", said.out);
    }
}

#[test]
fn more_voters_than_the_terminal_has_lines_are_shown_line_by_line() {
    let arguments = ["--watch", "--in-process", "--voters", "40", "--need", "12", "--form", "condvar"];
    let seen = run_on_terminal(VOTE, &arguments, 24, 100);
    for voter in 1..=40 {
        assert_eq!(seen.count(&format!("  voter {voter} ")), 1, "voter {voter}: {seen:#?}");
    }
    assert_eq!(seen.count("callers still waiting: 0"), 1, "{seen:#?}");
    assert_eq!(seen.count("processes still there: 0"), 1, "{seen:#?}");
}
