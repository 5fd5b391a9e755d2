//! `prove explore`: exhaustive search over the production state machines, scenario by scenario.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Failure, Options, Part, Progress, Report};
use crate::explore::diagram::Diagram;
use crate::explore::figures::{self, row};
use crate::explore::scenarios::{SCENARIOS, Scenario, find};
use crate::explore::search::{CALM_EVERY, End, Figures, Limits, MACHINES, Outcome, search};
use crate::explore::svg::svg;
use crate::explore::system::System;
use crate::explore::trace::{Trace, follow};

/// Most states of a scenario, unless `--count` says otherwise: the largest that is exhausted has a third of them.
const STATES: u64 = 20_000_000;
/// Most time, unless `--seconds` says otherwise: a third of what `prove all` may take.
const SECONDS: u64 = 300;
/// Threads: each holds a scenario in memory, at most 30 bytes a state and 5 KB a state of a machine.
const THREADS: usize = 2;

/// The part of `prove`.
pub(super) const EXPLORE: Part = Part {
    name: "explore",
    help: "exhaustive search: [SCENARIO ..] [--count STATES of a scenario, 20000000] [--seconds N, 300] \
           [--quick] [--list] [--svg FILE]",
    share: 240,
    run,
    replay,
};

/// A scenario that was searched.
struct Searched {
    scenario: &'static Scenario,
    outcome: Outcome,
    /// The way to a broken rule; to a state that is furthest away if none is broken.
    trace: Trace,
    diagram: Diagram,
}

fn chosen(options: &Options) -> Vec<&'static Scenario> {
    let exact: Vec<_> = options.names.iter().filter_map(|name| find(name)).collect();
    if !exact.is_empty() && exact.len() == options.names.len() {
        return exact; // a whole name is that scenario, and not each that has it in its name
    }
    let wanted = SCENARIOS.iter().filter(|scenario| options.wants(scenario.name));
    wanted.filter(|scenario| scenario.in_every_test || !options.quick).collect()
}

fn run(options: &Options, progress: &mut Progress) -> Report {
    let chosen = chosen(options);
    if options.list {
        return list(&chosen);
    }
    if chosen.is_empty() {
        return no_such_scenario();
    }
    let limits = Limits {
        states: options.count.unwrap_or(STATES),
        machines: MACHINES,
        until: Some(Instant::now() + Duration::from_secs(options.seconds.unwrap_or(SECONDS))),
        calm_every: CALM_EVERY,
    };
    let searched = search_all(&chosen, &limits, progress);
    progress.clear();
    for one in &searched {
        println!("{}", row(one.scenario, &one.outcome));
    }
    report(&searched, options)
}

fn list(chosen: &[&Scenario]) -> Report {
    for scenario in chosen {
        println!("{:<20} {}", scenario.name, scenario.what);
    }
    let mut report = Report::new("explore");
    report.fact("scenarios", chosen.len());
    report
}

/// Searches the scenarios on [`THREADS`] threads, smallest first: those that are too large get the time that is left.
fn search_all(chosen: &[&'static Scenario], limits: &Limits, progress: &mut Progress) -> Vec<Searched> {
    let mut order: Vec<usize> = (0..chosen.len()).collect();
    order.sort_by_key(|index| figures::states_of(chosen[*index].name));
    let next = AtomicUsize::new(0);
    let (told, tells) = mpsc::channel();
    let mut searched: Vec<Option<Searched>> = chosen.iter().map(|_| None).collect();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let (told, order, next) = (told.clone(), &order, &next);
            scope.spawn(move || {
                while let Some(index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let scenario = chosen[*index];
                    let one = search_one(scenario, limits, &mut |figures| {
                        let _ = told.send((*index, Err(*figures))); // progress may be lost
                    });
                    let _ = told.send((*index, Ok(one))); // the receiver outlives the scope
                }
            });
        }
        drop(told);
        for (index, message) in tells {
            match message {
                Ok(one) => searched[index] = Some(one),
                Err(Figures { states, depth, .. }) => {
                    progress.show(|| format!("{}: {states} states, depth {depth}", chosen[index].name));
                }
            }
        }
    });
    searched.into_iter().flatten().collect()
}

fn search_one(scenario: &'static Scenario, limits: &Limits, show: &mut dyn FnMut(&Figures)) -> Searched {
    let mut system = System::new(scenario.bounds);
    let outcome = search(&mut system, limits, show);
    let trace = match &outcome.finding {
        Some(finding) => follow(&mut system, &finding.path, finding.in_calm),
        None => follow(&mut system, &outcome.furthest, false),
    };
    let diagram = Diagram::of(&system, &trace);
    Searched { scenario, outcome, trace, diagram }
}

fn report(searched: &[Searched], options: &Options) -> Report {
    let mut report = Report::new("explore");
    let exhausted = searched.iter().filter(|one| one.outcome.end == End::Exhausted).count();
    let sum =
        |figure: fn(&Figures) -> u64| searched.iter().map(|one| figure(&one.outcome.figures)).sum::<u64>();
    report.fact("scenarios", searched.len());
    report.fact("exhausted", exhausted);
    report.fact("states", sum(|figures| figures.states));
    report.fact("transitions", sum(|figures| figures.transitions));
    report.fact("depth", searched.iter().map(|one| one.outcome.figures.depth).max().unwrap_or(0));
    for one in searched {
        let rule = if one.outcome.finding.is_some() {
            if let Err(why) = print(&one.diagram, options) {
                println!("{why}");
            }
            one.trace.rule.clone().unwrap_or_else(|| "a finding that does not come again".to_owned())
        } else if one.outcome.figures.transitions == 0 {
            "not searched: its time or its states were used up before the first step".to_owned()
        } else {
            let Some(differs) = figures::differs(one.scenario, &one.outcome) else { continue };
            differs
        };
        report.failure = report.failure.or_else(|| Some(failure(one.scenario.name, rule)));
    }
    report
}

fn no_such_scenario() -> Report {
    Report::refused("explore", "no scenario has such a name; `prove explore --list` shows them")
}

fn failure(scenario: &str, rule: String) -> Failure {
    Failure { seed: scenario.to_owned(), rule, replay: format!("replay explore {scenario}") }
}

/// Prints a diagram, and writes it to the file that was asked for. The error says why that file could not be written.
fn print(diagram: &Diagram, options: &Options) -> Result<(), String> {
    println!("{}", diagram.text());
    let Some(file) = &options.svg else { return Ok(()) };
    std::fs::write(file, svg(diagram))
        .map_err(|error| format!("the diagram cannot be written to {}: {error}", file.display()))?;
    println!("the diagram is in {}", file.display());
    Ok(())
}

/// Searches the scenarios again and shows the shortest way to a broken rule; to the furthest state if none is broken.
fn replay(options: &Options) -> Report {
    let chosen = chosen(options);
    if chosen.is_empty() {
        return no_such_scenario();
    }
    let mut searched = Vec::new();
    for scenario in chosen {
        let until = Duration::from_secs(options.seconds.unwrap_or(SECONDS));
        let limits = Limits {
            states: options.count.unwrap_or(STATES),
            machines: MACHINES,
            until: Some(Instant::now() + until),
            calm_every: CALM_EVERY,
        };
        let one = search_one(scenario, &limits, &mut |_| ());
        if one.outcome.finding.is_none() {
            println!("{}: no rule is broken. The way to a state that is furthest away:", scenario.name);
            if let Err(why) = print(&one.diagram, options) {
                return Report::refused("explore", why);
            }
        }
        println!("{}", row(scenario, &one.outcome));
        searched.push(one);
    }
    report(&searched, options)
}
