//! `vote` in every form: one outcome for a seed, no caller left waiting, and the wrong forms go wrong.

use crate::programs::{Said, run};

const VOTE: &str = env!("CARGO_BIN_EXE_vote");
const FORMS: [&str; 5] = ["spin", "sleep", "condvar", "channel", "pending"];

/// Runs with a patience so long that no vote is late on a busy machine. With a majority it is not used up.
fn run_patiently(arguments: &[&str]) -> Said {
    run(VOTE, ["--patience", "30s"].iter().chain(arguments))
}

/// Returns the cells of a table's row, by the first of them.
fn row(said: &Said, first: &str) -> Vec<String> {
    let cells = |line: &str| line.split(['│', '┆']).map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = said.out.lines().map(cells);
    let row = rows.into_iter().find(|cells| cells.get(1).is_some_and(|cell| cell == first));
    row.unwrap_or_else(|| panic!("no row {first}:\n{}", said.out))
}

#[test]
fn every_form_gives_the_same_outcome_twice_in_a_row() {
    for seed in ["1", "7"] {
        let runs = [(); 2].map(|()| run_patiently(&["--all-forms", "--seed", seed]));
        let [first, second] = &runs;
        assert_eq!(first.status, second.status, "{}\n{}", first.out, second.err);
        let outcome = row(first, "spin")[2].clone();
        for said in &runs {
            assert!(said.out.ends_with("processes still there: 0\n"), "{}", said.out);
            for form in FORMS {
                let cells = row(said, form);
                assert_eq!(cells[2], outcome, "{}", said.out);
                assert_eq!(cells[8], "0", "callers still wait: {}", said.out);
                assert_eq!(cells[5], if form == "pending" { "1" } else { "11" }, "threads: {}", said.out);
            }
        }
    }
}

/// A spinning thread uses all the time that it gets, which is little on a busy machine: then it is run again.
#[test]
fn spinning_burns_more_than_waiting() {
    let burns_more = |_| {
        let said = run_patiently(&["--all-forms", "--in-process"]).expect(0);
        let burnt =
            |form: &str| row(&said, form)[4].trim_end_matches(" ms").parse::<f64>().expect("milliseconds");
        burnt("spin") > 2.0 * burnt("condvar")
    };
    assert!((0..20).any(burns_more));
}

#[test]
fn each_form_decides_and_leaves_nothing_behind() {
    for form in FORMS {
        let said = run_patiently(&["--seed", "1", "--form", form]).expect(0);
        assert!(said.out.contains(" majority: "), "{}", said.out);
        assert!(said.out.contains("no vote: cannot reach"), "one voter is down: {}", said.out);
        assert!(said.out.contains("released: "), "{}", said.out);
        assert!(said.out.contains("\ncallers still waiting: 0\n"), "{}", said.out);
        assert!(said.out.ends_with("processes still there: 0\n"), "{}", said.out);
    }
}

#[test]
fn without_enough_votes_the_answer_is_no_and_the_seeds_choice() {
    let votes = || {
        let said = run(VOTE, ["--seed", "3", "--need", "10", "--patience", "5s"]).expect(1);
        let line = said.out.lines().find(|line| line.contains("no majority")).expect("an outcome").to_owned();
        assert!(said.out.contains("callers still waiting: 0"), "{}", said.out);
        line.split("no majority").nth(1).expect("after the time").to_owned()
    };
    assert_eq!(votes(), votes());
}

#[test]
fn the_unbuffered_channel_leaks_and_the_fixed_ones_do_not() {
    let said = run_patiently(&["--form", "leak"]).expect(0);
    let cells = |first: &str, place: usize| row(&said, first)[place].parse::<u32>().expect("a number");
    assert!(cells("unbuffered, receiver lives on", 3) > 0, "{}", said.out);
    for fixed in ["unbuffered, receiver dropped", "buffered, receiver lives on", "buffered, receiver dropped"]
    {
        assert_eq!(cells(fixed, 3), 0, "{}", said.out);
        assert_eq!(cells(fixed, 4), 0, "{}", said.out);
    }
}

#[test]
fn the_unlocked_counter_is_refused_and_then_loses_votes() {
    let said = run_patiently(&["--form", "racy"]).expect(0);
    assert!(said.out.contains("error[E0499]: cannot borrow `count` as mutable"), "{}", said.out);
    assert!(!said.out.contains("LOST 0"), "{}", said.out);
    // A few votes at once meet on several processors only; a million additions are interrupted on one as well.
    assert!(
        said.out.contains(" counted: LOST ") || said.out.contains(" and none was lost: "),
        "{}",
        said.out
    );
    let added = said.out.lines().find(|line| line.starts_with("n = n + 1, two threads, "));
    assert!(added.is_some_and(|line| line.contains(": LOST ")), "{}", said.out);
    assert!(said.out.contains("thread 2 loads n: 0"), "the schedule: {}", said.out);
}

/// The account after the decision must not wait for the dead either, nor overrule the decision.
#[cfg(unix)]
#[test]
fn a_voter_that_is_killed_or_frozen_in_mid_vote_changes_nothing_in_the_result() {
    for form in FORMS {
        for (option, why) in [("--kill", "its process has ended"), ("--freeze", "it does not answer")] {
            // Voter 3 thinks longer than others of this seed, and says no.
            let said = run_patiently(&["--seed", "1", "--form", form, option, "3"]).expect(0);
            assert!(said.out.contains(" majority: 5 yes"), "{}", said.out);
            assert!(
                said.out.contains(&format!("\nvoter 3: gone, cannot say what it saw: {why}\n")),
                "{}",
                said.out
            );
            assert!(said.out.contains("\ncallers still waiting: 0\n"), "{}", said.out);
            assert!(said.out.ends_with("processes still there: 0\n"), "{}", said.out);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_dead_voter_has_not_said_yes() {
    let said = run(VOTE, ["--seed", "1", "--kill", "3", "--need", "10", "--patience", "1s"]).expect(1);
    assert!(said.out.contains("voter 3: gone, cannot say what it saw"), "{}", said.out);
}

#[test]
fn a_random_seed_is_printed_and_its_vote_can_be_repeated() {
    let seeds = [(); 4].map(|()| {
        let said = run(VOTE, ["--seed", "random", "--in-process"]);
        let seed = said.out.split("(seed ").nth(1).and_then(|rest| rest.split(',').next()).expect("the seed");
        let again = run_patiently(&["--in-process", "--seed", seed]);
        let troubles = |said: &Said| said.out.lines().skip(1).take(3).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(troubles(&said), troubles(&again), "{}\n{}", said.out, again.out);
        seed.to_owned()
    });
    assert!(seeds.iter().any(|seed| *seed != seeds[0]), "{seeds:?}");
}

#[test]
fn a_vote_without_a_leak_says_so_and_not_that_a_thread_waits_for_ever() {
    let said = run(VOTE, ["--form", "leak", "--need", "10", "--in-process", "--patience", "1s"]).expect(0);
    assert!(said.out.contains("No thread leaked here") && !said.out.contains("for ever"), "{}", said.out);
}

#[test]
fn mistakes_are_told_in_a_sentence() {
    let said = run(VOTE, ["--need", "11"]).expect(2);
    assert!(said.err.contains("11 of 10 voters can never say yes"), "{}", said.err);
    let said = run(VOTE, ["--stranger", "11"]).expect(2);
    assert!(said.err.contains("there is no voter 11"), "{}", said.err);
    let said = run(VOTE, ["--kill", "11"]).expect(2);
    assert!(said.err.contains("there is no voter 11"), "{}", said.err);
    run(VOTE, ["--kill", "1", "--in-process"]).expect(2);
    run(VOTE, ["--seed", "lucky"]).expect(2);
    let said = run(VOTE, ["--stranger", "2", "--need", "9", "--patience", "1s"]).expect(6);
    assert!(said.err.contains("client and server disagree about the method"), "{}", said.err);
    run(VOTE, ["--form", "psychic"]).expect(2);
}

/// A terminal sends its interrupt to the voters as well: they ignore it, and the collector ends them.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_without_a_word_from_each_voter() {
    use std::io::{BufRead, BufReader, Read};
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    let mut vote = Command::new(VOTE)
        .args(["--need", "10", "--patience", "30s"])
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("vote was built");
    let mut first = String::new();
    BufReader::new(vote.stdout.as_mut().expect("piped")).read_line(&mut first).expect("text");
    assert!(first.starts_with("10 voters"), "{first}");
    let group = format!("-{}", vote.id());
    let sent = Command::new("kill").args(["-INT", "--", &group]).status().expect("kill is there");
    assert!(sent.success());
    let mut err = String::new();
    vote.stderr.as_mut().expect("piped").read_to_string(&mut err).expect("text"); // closed when all have ended
    assert_eq!(vote.wait().expect("it was started").code(), Some(130), "{err}");
    assert_eq!(err, "");
}
