//! Makes up values of a type until all of its parts have been seen.
//!
//! One value shows one variant of each enum. So there are passes: in each, an enum gets a variant that is new, or one in which
//! something is left to be found. A value that its type refuses is tried again, with the next choice for the last of its parts.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use super::checker::{Checker, Expected};
use super::graph::{Graph, Obstacle, Place, ROOT};
use super::tracer::Tracer;
use crate::limits::MAX_PASSES;
use crate::panics::panic_text;

/// Finds the formats of a type, as the part `field` of the root. The type's own code is run, so a panic in it is contained.
pub(super) fn explore<'de, T: Deserialize<'de> + Serialize>(graph: &RefCell<Graph>, field: usize) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run::<T>(graph, field))) {
        let text = panic_text(panic);
        graph
            .borrow_mut()
            .fail(Obstacle::Untraced(format!("it panics when it is read from a made-up value: {text}")));
    }
}

fn run<'de, T: Deserialize<'de> + Serialize>(graph: &RefCell<Graph>, field: usize) {
    let place = Place { node: ROOT, part: 0, field };
    let mut again = false;
    for _ in 0..MAX_PASSES {
        let found = begin(&mut graph.borrow_mut());
        let value = T::deserialize(Tracer { graph, place });
        if let Ok(value) = &value {
            let expected = graph.borrow().nodes[ROOT].parts[0].children.get(field).copied().flatten();
            // An error that is not the checker's says nothing: a type may refuse to write a value that was made up.
            let _ = value.serialize(Checker { graph, expected: Expected::of(expected) });
        }
        let mut graph = graph.borrow_mut();
        if graph.obstacle.is_some() {
            return;
        }
        match value {
            Err(_) if graph.learned => {}
            Err(stop) => {
                graph.refused(0, &stop.0);
                if !next_choice(&mut graph) {
                    let text = format!("it accepts no value that was made up: {}", graph.refusal);
                    return graph.fail(Obstacle::Untraced(text));
                }
            }
            Ok(_) => {
                graph.look_for_gaps();
                let root = graph.nodes[ROOT].parts[0].children.get(field).copied().flatten();
                let done = root.is_some_and(|root| graph.nodes[root].gap.is_none());
                if done && again {
                    return;
                }
                let stuck = !done && graph.found == found;
                if stuck && graph.eager {
                    let text = "a part of it is in no value that could be made up".to_owned();
                    return graph.fail(Obstacle::Untraced(text));
                }
                graph.eager = stuck;
                again = done; // once more, with options and lists that are empty: some fields are left out then
            }
        }
    }
    graph.borrow_mut().fail(Obstacle::Untraced(format!("{MAX_PASSES} values do not show all of it")));
}

/// Begins a pass. Returns the number of facts so far.
fn begin(graph: &mut Graph) -> u64 {
    graph.made.clear();
    graph.failed_from = None;
    graph.learned = false;
    graph.pass += 1;
    graph.found
}

/// Takes the next choice for the last part of the value that was refused, or for the one before it. Returns false if there is
/// none left.
fn next_choice(graph: &mut Graph) -> bool {
    let from = graph.failed_from.unwrap_or(0).min(graph.made.len());
    let made = graph.made.split_off(from);
    for choice in made.iter().rev() {
        let next = graph.choices.get(&choice.place).copied().unwrap_or(0) + 1;
        if next < choice.among {
            graph.choices.insert(choice.place, next);
            return true;
        }
        graph.choices.remove(&choice.place);
    }
    false
}
