//! The agreed costs, `costs.toml`: read, compared, and written anew.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use super::run::Cost;

/// A cost may differ by this part of what was agreed. Two runs of one program differ by half a hundredth at most: in the number
/// of turns of the event loop, and in what the worker in the background does meanwhile.
pub const TOLERANCE: f64 = 0.03;
/// The same for a body that arrives in many pieces: their number is that of the reads, which the kernel decides.
const TOLERANCE_IN_PIECES: f64 = 0.10;
/// Allocations may differ by as many for each call: a buffer that grows once in the run is no cost of a call.
const ALLOCATIONS: f64 = 0.03;

/// The agreed costs, by the names of their cases.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Baseline {
    /// The compiler, the counter and the C library with which they were counted.
    pub tools: String,
    costs: BTreeMap<String, Agreed>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Agreed {
    instructions: f64,
    allocations: f64,
}

/// The comparison of a cost with what was agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is what was agreed, up to the tolerance.
    Same,
    /// It is above or below; the text has both figures.
    Other(String),
}

impl Baseline {
    /// Reads the text of `costs.toml`.
    ///
    /// # Errors
    /// Returns an error if it is no such text.
    pub fn read(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| format!("costs.toml: {error}"))
    }

    /// Compares a cost.
    pub fn judge(&self, name: &str, cost: Cost) -> Judgement {
        let Some(agreed) = self.costs.get(name) else {
            return Judgement::Other(format!(
                "no cost was agreed, and {:.0} instructions were counted",
                cost.instructions
            ));
        };
        let in_pieces = name.ends_with("large");
        let tolerance = if in_pieces { TOLERANCE_IN_PIECES } else { TOLERANCE };
        let is_off =
            |now: f64, agreed: f64, least: f64| (now - agreed).abs() > (agreed * tolerance).max(least);
        let mut text = String::new();
        if is_off(cost.instructions, agreed.instructions, 0.0) {
            let part = 100.0 * (cost.instructions / agreed.instructions - 1.0);
            text = format!(
                "{:.0} instructions a call, and {:.0} were agreed ({part:+.1} %)",
                cost.instructions, agreed.instructions
            );
        }
        if !in_pieces && is_off(cost.allocations, agreed.allocations, ALLOCATIONS) {
            let also = if text.is_empty() { "" } else { "; " };
            // Writing to a String does not fail.
            let _ = write!(
                text,
                "{also}{:.2} allocations a call, and {:.2} were agreed",
                cost.allocations, agreed.allocations
            );
        }
        if text.is_empty() { Judgement::Same } else { Judgement::Other(text) }
    }

    /// Returns the text of a new `costs.toml`.
    pub fn text(tools: &str, costs: &[(String, Cost)]) -> String {
        let mut text = format!(
            "# User instructions and allocations of one call, counted by callgrind: `prove costs` compares them, and writes the\n\
             # figures that it counted to target/costs.toml. Copy that file here when a change is meant to change them.\n\
             tools = {tools:?}\n\n[costs]\n"
        );
        for (name, Cost { instructions, allocations }) in costs {
            let _ = writeln!(
                text,
                "{name} = {{ instructions = {instructions:.0}.0, allocations = {allocations:.2} }}"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn cost(instructions: f64, allocations: f64) -> Cost {
        Cost { instructions, allocations }
    }

    #[test]
    fn a_cost_that_is_more_than_three_in_a_hundred_off_is_told_with_both_figures() {
        let text = Baseline::text("tools 1", &[("server-get64".to_owned(), cost(1000.0, 1.0))]);
        let baseline = Baseline::read(&text).expect("what is written can be read");
        assert_eq!(baseline.tools, "tools 1");
        for same in [cost(1000.0, 1.0), cost(1030.0, 1.02), cost(970.0, 0.98)] {
            assert_eq!(baseline.judge("server-get64", same), Judgement::Same, "{same:?}");
        }
        let other = |cost| match baseline.judge("server-get64", cost) {
            Judgement::Other(text) => text,
            Judgement::Same => panic!("{cost:?} is off"),
        };
        assert_eq!(other(cost(1031.0, 1.0)), "1031 instructions a call, and 1000 were agreed (+3.1 %)");
        assert_eq!(other(cost(960.0, 1.0)), "960 instructions a call, and 1000 were agreed (-4.0 %)");
        assert_eq!(other(cost(1000.0, 2.0)), "2.00 allocations a call, and 1.00 were agreed");
        assert!(other(cost(2000.0, 2.0)).contains("; 2.00 allocations"), "both are told");
        let large = Baseline::text("tools 1", &[("client-large".to_owned(), cost(1000.0, 20.0))]);
        let large = Baseline::read(&large).expect("what is written can be read");
        assert_eq!(large.judge("client-large", cost(1090.0, 33.0)), Judgement::Same, "the reads decide");
        assert!(matches!(large.judge("client-large", cost(1110.0, 20.0)), Judgement::Other(_)));
        assert!(
            matches!(baseline.judge("client-get64", cost(1.0, 1.0)), Judgement::Other(_)),
            "no cost was agreed"
        );
    }
}
