//! `rpc_in_400_lines`: the small and the large client and server in all pairings, over a bad network; and its size.

use crate::programs::{Said, run};

const PROGRAM: &str = env!("CARGO_BIN_EXE_rpc_in_400_lines");

/// Returns a number of the output, summed over all pairings: the number between these words.
fn sum(said: &Said, before: &str, after: &str) -> u64 {
    let numbers = said.out.lines().map(|line| {
        let rest = line.split(before).nth(1).unwrap_or_else(|| panic!("no {before:?} in {line:?}"));
        rest.split(after).next().expect("a part").trim().parse::<u64>().expect("a number")
    });
    numbers.sum()
}

#[test]
fn every_append_is_there_exactly_once_in_every_pairing() {
    let runs =
        ["1", "2", "3"].map(|seed| std::thread::spawn(move || run(PROGRAM, ["--seed", seed]).expect(0)));
    for said in runs.map(|run| run.join().expect("it ended with status 0")) {
        for pairing in
            ["small client, small server", "large client, small server", "small client, large server"]
        {
            let line = format!("{pairing}: 200 appends: 0 lost, 0 doubled; ");
            assert!(said.out.lines().any(|said| said.starts_with(&line)), "no {line:?} in:\n{}", said.out);
        }
        // Nothing is proved by a network that is good.
        assert!(sum(&said, "; the network dropped ", " frames") > 0, "{}", said.out);
        assert!(sum(&said, "frames, doubled ", ",") > 0, "{}", said.out);
        assert!(sum(&said, ", and cut ", " connections") > 0, "{}", said.out);
        assert!(sum(&said, "doubled; ", " sent again") > 0, "{}", said.out);
    }
}

#[test]
fn without_a_filter_the_same_appends_are_doubled() {
    let said = run(PROGRAM, ["--without-filter"]).expect(5);
    assert!(said.err.contains("no filter: FAILED"), "{}", said.err);
    let last = said.out.lines().last().expect("a line");
    assert!(last.starts_with("no filter: 200 appends: 0 lost, ") && !last.contains(" 0 doubled;"), "{last}");
}

/// Counts lines of code as the lesson's first comment says: no comments, tests, `use` lines and lone closing brackets.
#[test]
fn the_three_files_have_at_most_400_lines_of_code() {
    let files = [
        include_str!("../3_rpc_in_400_lines/filter.rs"),
        include_str!("../3_rpc_in_400_lines/server.rs"),
        include_str!("../3_rpc_in_400_lines/client.rs"),
    ];
    let is_code = |line: &&str| {
        let line = line.trim();
        let is_closing = line.chars().all(|c| "})];,".contains(c)); // also true for an empty line
        !is_closing && !line.starts_with("//") && !line.starts_with("use ")
    };
    let code = |file: &str| {
        let before_tests = file.split("#[cfg(test)]").next().expect("a part").to_owned();
        before_tests.lines().filter(is_code).count()
    };
    let lines: usize = files.into_iter().map(code).sum();
    assert!((300..=400).contains(&lines), "{lines} lines");
}
