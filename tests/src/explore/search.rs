//! Breadth first through all states of a scenario: each once, by its name of 128 bits, with the way back to the first.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Instant;

use super::state::State;
use super::steps::Step;
use super::system::System;

/// Ends a search that would not end by itself, or not soon enough.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most states. Each takes about 30 bytes, and those of the last two steps 140 more.
    pub states: u64,
    /// Most states of single machines. Each takes 3 to 5 KB.
    pub machines: usize,
    /// The time at which it ends.
    pub until: Option<Instant>,
    /// One state in so many is brought to rest: V11, V15, V16, V18.
    pub calm_every: u128,
}

/// One state in so many is brought to rest in an ordinary search: it costs as much as some fifty steps.
pub const CALM_EVERY: u128 = 32;
/// States of single machines of an ordinary search: at most 4 GB.
pub const MACHINES: usize = 1_000_000;
/// States between two looks at the clock.
const LOOK_EVERY: usize = 4096;

/// The counts of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// States.
    pub states: u64,
    /// Steps from state to state.
    pub transitions: u64,
    /// Steps to the state that is furthest away.
    pub depth: u32,
    /// Steps that led out of the bounds.
    pub outside: u64,
    /// States that were brought to rest.
    pub calmed: u64,
    /// States of single machines.
    pub machines: usize,
    /// Steps that a machine was really run for.
    pub runs: usize,
}

/// The reason for which a search has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every state was seen.
    Exhausted,
    /// A rule is broken.
    Found,
    /// [`Limits::states`].
    States,
    /// [`Limits::machines`].
    Machines,
    /// [`Limits::until`].
    Time,
}

/// A broken rule, and the shortest way to it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule, and what broke it.
    pub rule: String,
    /// The steps that lead there.
    pub path: Vec<Step>,
    /// It is broken only when the last state is brought to rest.
    pub in_calm: bool,
}

/// The result of a search.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its counts.
    pub figures: Figures,
    /// The reason for which it ended.
    pub end: End,
    /// The first broken rule.
    pub finding: Option<Finding>,
    /// The way to one of the states that are furthest away.
    pub furthest: Vec<Step>,
}

/// The states of one distance, and where they come from.
struct Level {
    states: Vec<State>,
    /// Places in [`Ways`].
    places: Vec<u32>,
}

/// The first way to each state: the state before it, and the step from there.
#[derive(Default)]
struct Ways {
    from: Vec<u32>,
    step: Vec<u16>,
}

struct Search<'a> {
    system: &'a mut System,
    limits: Limits,
    seen: HashSet<u128, BuildHasherDefault<AsItIs>>,
    ways: Ways,
    figures: Figures,
    steps: Vec<Step>,
}

/// Searches a system. If a rule is broken only in the calm, it searches once more and brings every state to rest, so
/// that the way is the shortest.
pub fn search(system: &mut System, limits: &Limits, show: &mut dyn FnMut(&Figures)) -> Outcome {
    let outcome = search_once(system, limits, show);
    match &outcome.finding {
        Some(finding) if finding.in_calm && limits.calm_every > 1 => {
            let every = Limits { calm_every: 1, ..*limits };
            let shortest = search_once(system, &every, show);
            if shortest.finding.is_some() { shortest } else { outcome }
        }
        _ => outcome,
    }
}

fn search_once(system: &mut System, limits: &Limits, show: &mut dyn FnMut(&Figures)) -> Outcome {
    let first = system.first();
    let mut search = Search {
        system,
        limits: *limits,
        seen: HashSet::default(),
        ways: Ways::default(),
        figures: Figures::default(),
        steps: Vec::new(),
    };
    let hash = search.system.hash(&first);
    search.seen.insert(hash);
    search.ways.from.push(0);
    search.ways.step.push(0);
    let mut level = Level { states: vec![first], places: vec![0] };
    let mut furthest = 0;
    let (end, finding) = loop {
        match search.expand(&level, show) {
            Ok(next) if next.states.is_empty() => break (End::Exhausted, None),
            Ok(next) => {
                search.figures.depth += 1;
                furthest = next.places[0];
                level = next;
            }
            Err(stop) => break stop,
        }
    };
    search.count();
    let furthest = search.path_to(furthest);
    Outcome { figures: search.figures, end, finding, furthest }
}

type Stop = (End, Option<Finding>);

impl Search<'_> {
    /// Takes every step from every state of a level; the new states are the next level.
    fn expand(&mut self, level: &Level, show: &mut dyn FnMut(&Figures)) -> Result<Level, Stop> {
        let mut next = Level { states: Vec::new(), places: Vec::new() };
        for (index, (state, place)) in level.states.iter().zip(&level.places).enumerate() {
            if index % LOOK_EVERY == 0 {
                self.count();
                show(&self.figures);
                self.may_go_on()?;
            }
            let mut steps = std::mem::take(&mut self.steps);
            self.system.steps(state, &mut steps);
            for (number, step) in (0..).zip(&steps) {
                self.take(*state, *place, number, *step, &mut next)?;
            }
            self.steps = steps;
        }
        Ok(next)
    }

    fn take(
        &mut self,
        from: State,
        place: u32,
        number: u16,
        step: Step,
        next: &mut Level,
    ) -> Result<(), Stop> {
        self.figures.transitions += 1;
        let mut state = from;
        if let Err(rule) = self.system.apply(&mut state, step, &mut ()) {
            let mut path = self.path_to(place);
            path.push(step);
            return Err((End::Found, Some(Finding { rule, path, in_calm: false })));
        }
        if self.system.is_outside(&state) {
            self.figures.outside += 1;
            return Ok(());
        }
        let hash = self.system.hash(&state);
        if !self.seen.insert(hash) {
            return Ok(());
        }
        self.ways.from.push(place);
        self.ways.step.push(number);
        next.states.push(state);
        next.places.push((self.ways.from.len() - 1) as u32); // a search has fewer than 2^32 states
        if hash % self.limits.calm_every == 0 {
            self.figures.calmed += 1;
            if let Err(rule) = self.system.calm(&state, &mut ()) {
                let mut path = self.path_to(place);
                path.push(step);
                return Err((End::Found, Some(Finding { rule, path, in_calm: true })));
            }
        }
        Ok(())
    }

    fn may_go_on(&self) -> Result<(), Stop> {
        let most = self.limits.states.min(u64::from(u32::MAX));
        match () {
            () if self.figures.states >= most => Err((End::States, None)),
            () if self.figures.machines >= self.limits.machines => Err((End::Machines, None)),
            () if self.limits.until.is_some_and(|until| Instant::now() >= until) => Err((End::Time, None)),
            () => Ok(()),
        }
    }

    fn count(&mut self) {
        self.figures.states = self.seen.len() as u64;
        self.figures.machines = self.system.servers.len() + self.system.clients.len();
        self.figures.runs = self.system.servers.runs() + self.system.clients.runs();
    }

    /// Returns the steps from the first state to that of a place.
    fn path_to(&mut self, place: u32) -> Vec<Step> {
        let (mut numbers, mut at) = (Vec::new(), place as usize);
        while at != 0 {
            numbers.push(self.ways.step[at]);
            at = self.ways.from[at] as usize;
        }
        let (mut state, mut path, mut steps) = (self.system.first(), Vec::new(), Vec::new());
        for number in numbers.into_iter().rev() {
            self.system.steps(&state, &mut steps);
            let step = steps[usize::from(number)];
            path.push(step);
            // It was done before without a finding.
            self.system.apply(&mut state, step, &mut ()).unwrap_or_default();
        }
        path
    }
}

/// The names are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, name: u128) {
        self.0 = name as u64;
    }
}
