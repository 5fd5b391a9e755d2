//! The table of `docs/decisions/0011-exhaustive-search.md` is exact: a search that silently sees less fails here.

use rpc_tests::explore::figures::{differs, names};
use rpc_tests::explore::scenarios::SCENARIOS;

use crate::SEARCHED;

#[test]
fn the_small_scenarios_have_exactly_the_states_that_the_page_has() {
    let different: Vec<String> =
        SEARCHED.iter().filter_map(|one| differs(one.scenario, &one.outcome)).collect();
    assert!(
        different.is_empty(),
        "if the protocol was meant to change, `prove explore` prints the rows anew:\n{}",
        different.join("\n")
    );
}

#[test]
fn the_page_has_a_row_for_each_scenario() {
    let known: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    assert_eq!(names(), known);
}
