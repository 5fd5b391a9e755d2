//! No rule is broken in any state of the small scenarios.

use rpc_tests::explore::search::End;

use crate::SEARCHED;

#[test]
fn no_rule_is_broken_in_any_state_of_a_small_scenario() {
    for one in SEARCHED.iter() {
        let replay = format!("prove replay explore {}", one.scenario.name);
        assert!(one.outcome.finding.is_none(), "{}:\n{}\n{replay}", one.scenario.name, one.diagram);
    }
}

#[test]
fn every_small_scenario_is_exhausted() {
    assert!(SEARCHED.len() > 15, "the small scenarios were not found");
    for one in SEARCHED.iter() {
        assert_eq!(one.outcome.end, End::Exhausted, "{}", one.scenario.name);
        assert!(one.outcome.figures.calmed > 50, "{}: hardly a state was brought to rest", one.scenario.name);
    }
}
