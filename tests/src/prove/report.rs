//! The end of a part: one line that a person and a script can read.

use std::fmt;

/// The end of a part.
#[derive(Debug)]
pub struct Report {
    /// The part.
    pub part: &'static str,
    /// Figures, in the order in which they are printed; keys are one word each.
    pub facts: Vec<(&'static str, String)>,
    /// The first rule that was broken.
    pub failure: Option<Failure>,
    /// The reason why the part did not run: a name or an option of the command line is wrong.
    pub misuse: Option<String>,
}

/// A rule that was broken.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed, or the name, of the case.
    pub seed: String,
    /// The rule and what broke it, in one line.
    pub rule: String,
    /// The words after `prove --` that show it again.
    pub replay: String,
}

/// The start of every command that shows a failure again.
const COMMAND: &str = "cargo run --release -p rpc-tests --bin prove --";

impl Report {
    /// A part that has found nothing so far.
    pub fn new(part: &'static str) -> Self {
        Report { part, facts: Vec::new(), failure: None, misuse: None }
    }

    /// Adds a figure.
    pub fn fact(&mut self, key: &'static str, value: impl fmt::Display) {
        self.facts.push((key, value.to_string()));
    }

    /// Returns the report of a part that did not run, since the command line is wrong.
    pub fn refused(part: &'static str, why: impl Into<String>) -> Self {
        Report { misuse: Some(why.into()), ..Report::new(part) }
    }

    /// Returns true if no rule was broken.
    pub fn is_ok(&self) -> bool {
        self.failure.is_none()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            None => write!(f, "{}: ok", self.part)?,
            Some(failure) => {
                write!(f, "{}: FAILED seed={} rule={:?}", self.part, failure.seed, failure.rule)?
            }
        }
        for (key, value) in &self.facts {
            write!(f, " {key}={value}")?;
        }
        match &self.failure {
            None => Ok(()),
            Some(failure) => write!(f, " replay: {COMMAND} {}", failure.replay),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Report};

    #[test]
    fn a_report_is_one_line_with_its_figures_and_how_to_see_a_failure_again() {
        let mut report = Report::new("simulate");
        report.fact("seeds", 3);
        assert_eq!(report.to_string(), "simulate: ok seeds=3");
        report.failure = Some(Failure {
            seed: "2".into(),
            rule: "V6: two\nlines".into(),
            replay: "replay simulate --seed 2".into(),
        });
        let text = report.to_string();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.starts_with("simulate: FAILED seed=2 rule=\"V6: two\\nlines\" seeds=3 replay: "),
            "{text}"
        );
    }
}
