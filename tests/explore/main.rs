//! Exhaustive search in every `cargo test`: the small scenarios as a whole, and the way from a finding to its diagram.
//!
//! The figures stand in a module of their own: a harmless change of the protocol may change them, and breaks no rule.

mod diagrams;
mod figures;
mod rules;

use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;

use rpc_tests::explore::diagram::Diagram;
use rpc_tests::explore::scenarios::{SCENARIOS, Scenario};
use rpc_tests::explore::search::{CALM_EVERY, Limits, MACHINES, Outcome, search};
use rpc_tests::explore::system::System;
use rpc_tests::explore::trace::follow;

/// Most states of a scenario in `cargo test`: three times as many as the largest has.
const STATES: u64 = 1_000_000;
/// Threads: as many as a small machine has cores.
const THREADS: usize = 2;

/// A small scenario, searched as a whole.
struct Searched {
    scenario: &'static Scenario,
    outcome: Outcome,
    /// The diagram of a finding.
    diagram: String,
}

/// The small scenarios, searched once for all tests.
static SEARCHED: LazyLock<Vec<Searched>> = LazyLock::new(|| {
    let waiting: Mutex<Vec<&Scenario>> =
        Mutex::new(SCENARIOS.iter().filter(|scenario| scenario.in_every_test).collect());
    let take = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let work = || std::iter::from_fn(take).map(searched).collect::<Vec<_>>();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a search does not panic")).collect()
    })
});

/// The bounds of a search in `cargo test`.
fn limits() -> Limits {
    Limits { states: STATES, machines: MACHINES, until: None, calm_every: CALM_EVERY }
}

fn searched(scenario: &'static Scenario) -> Searched {
    let mut system = System::new(scenario.bounds);
    let outcome = search(&mut system, &limits(), &mut |_| ());
    let diagram = outcome.finding.as_ref().map(|finding| {
        let trace = follow(&mut system, &finding.path, finding.in_calm);
        Diagram::of(&system, &trace).text()
    });
    Searched { scenario, outcome, diagram: diagram.unwrap_or_default() }
}
