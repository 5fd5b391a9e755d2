//! The way from the first state to a finding, step by step, with all that each step did.

use super::log::Event;
use super::steps::Step;
use super::system::System;

/// A step and what it did.
#[derive(Clone, Debug)]
pub struct Row {
    /// The step.
    pub step: Step,
    /// The effects of the step.
    pub events: Vec<Event>,
}

/// Takes the steps of a way.
pub trait Rows {
    /// Takes one.
    fn row(&mut self, step: Step, events: &[Event]);
}

/// Takes none: for the search.
impl Rows for () {
    fn row(&mut self, _: Step, _: &[Event]) {}
}

/// Keeps all.
impl Rows for Vec<Row> {
    fn row(&mut self, step: Step, events: &[Event]) {
        self.push(Row { step, events: events.to_vec() });
    }
}

/// The way to a finding.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The steps.
    pub rows: Vec<Row>,
    /// The rule that is broken after the last one, if one is.
    pub rule: Option<String>,
}

/// Goes a way again, and then into the calm if `calms`.
pub fn follow(system: &mut System, path: &[Step], calms: bool) -> Trace {
    let (mut state, mut rows, mut rule) = (system.first(), Vec::new(), None);
    for step in path {
        let mut events = Vec::new();
        let done = system.apply(&mut state, *step, &mut events);
        rows.push(Row { step: *step, events });
        rule = done.err();
        if rule.is_some() {
            return Trace { rows, rule };
        }
    }
    if calms {
        rule = system.calm(&state, &mut rows).err();
    }
    Trace { rows, rule }
}
