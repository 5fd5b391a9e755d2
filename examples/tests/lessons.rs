//! `hello`, `stubs_by_hand` and `vote`.

use crate::programs::run;

const VOTE: &str = env!("CARGO_BIN_EXE_vote");

#[test]
fn hello_adds_over_the_network() {
    let said = run(env!("CARGO_BIN_EXE_hello"), [""; 0]).expect(0);
    assert_eq!(said.out, "server: add(2, 3)\nclient: 2 + 3 = 5\n");
}

#[test]
fn hello_fits_on_a_screen() {
    assert!(include_str!("../hello/main.rs").lines().count() < 70);
}

#[test]
fn stubs_by_hand_do_the_same() {
    let said = run(env!("CARGO_BIN_EXE_stubs_by_hand"), [""; 0]).expect(0);
    assert!(said.out.starts_with("server: add(2, 3)\nclient: 2 + 3 = 5\n"), "{}", said.out);
    assert!(said.out.ends_with("client: 4 + 5 = 9\n"), "{}", said.out);
}

#[test]
fn a_vote_is_decided_by_the_majority_and_leaves_nothing_behind() {
    let said = run(VOTE, ["--seed", "1"]).expect(0);
    assert!(said.out.contains("majority: 5 yes"), "{}", said.out);
    assert!(said.out.contains("voter 10 no vote: cannot reach"), "one voter is down: {}", said.out);
    assert!(said.out.contains("cancelled while they thought"), "{}", said.out);
    assert!(said.out.contains("\ncallers still waiting: 0\n"), "{}", said.out);
    assert!(said.out.ends_with("processes still there: 0\n"), "{}", said.out);
}

#[test]
fn a_vote_is_the_seeds_choice() {
    let votes = |seed: &str| {
        let said = run(VOTE, ["--seed", seed, "--need", "10", "--patience", "1s"]).expect(1);
        let line = said.out.lines().find(|line| line.contains("no majority")).expect("an outcome").to_owned();
        line.split("no majority").nth(1).expect("after the time").to_owned()
    };
    assert_eq!(votes("3"), votes("3"));
}

#[test]
fn without_enough_votes_the_answer_is_no() {
    let said = run(VOTE, ["--need", "10", "--patience", "500ms"]).expect(1);
    assert!(said.out.contains("no majority"), "{}", said.out);
    assert!(said.out.contains("callers still waiting: 0"), "{}", said.out);
}
