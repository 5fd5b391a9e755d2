//! The production code of the net layer, interleaved: each scenario under fixed seeds, and under new ones in each run.

use rpc_interleave::{SCENARIOS, search};
use rpc_tests::campaign::fresh_seed;

/// Schedules of each scenario from a fixed seed: what passed here passes everywhere.
const FIXED: u64 = 700;
/// Schedules of each scenario from a seed that each run draws anew.
const NEW: u64 = 200;
/// The first of the fixed seeds.
const FIRST: u64 = 1;

/// Searches all scenarios, and panics with the command that shows what it found.
fn search_all(first: u64, count: u64) {
    for scenario in SCENARIOS {
        if let Some(broken) = search(scenario, first, count, None).broken {
            panic!(
                "{}: {}\nto see it: cargo run -p rpc-tests --bin prove -- replay interleave {:?} --seed {}",
                scenario.name, broken.rule, scenario.name, broken.seed
            );
        }
    }
}

#[test]
fn under_fixed_schedules_each_call_ends_once_and_in_time() {
    search_all(FIRST, FIXED);
}

#[test]
fn under_new_schedules_each_call_ends_once_and_in_time() {
    let first = fresh_seed();
    println!("again: RPC_BASE={first}");
    search_all(first, NEW);
}

/// A failure is shown again by its seed alone, so the seed must decide everything.
#[test]
fn a_seed_always_leads_to_the_same_steps() {
    for scenario in SCENARIOS {
        let steps = [0, 1].map(|_| search(scenario, FIRST, 20, None).steps);
        assert_eq!(steps[0], steps[1], "{}", scenario.name);
    }
}
