//! The part `interleave`: the production code of the net layer under a scheduler that chooses which thread goes on.

use std::time::{Duration, Instant};

use rpc_interleave::{SCENARIOS, Scenario, Searched, search, show};

use super::{Failure, Options, Part, Progress, Report};

/// Schedules of each scenario when no count is given.
const SCHEDULES: u64 = 20_000;
/// The same with `--quick`: some seconds in all.
const QUICK_SCHEDULES: u64 = 500;
/// Schedules between two looks at the clock and the progress line.
const BATCH: u64 = 200;

/// The part.
pub(super) const INTERLEAVE: Part = Part {
    name: "interleave",
    help: "threads, locks and sockets in many orders: [SCENARIO ..] --count 20000 --seconds --seed --quick --list",
    share: 60,
    run,
    replay,
};

fn run(options: &Options, progress: &mut Progress) -> Report {
    let mut report = Report::new(INTERLEAVE.name);
    let chosen: Vec<_> = SCENARIOS.iter().filter(|scenario| options.wants(scenario.name)).collect();
    if options.list {
        chosen.iter().for_each(|scenario| println!("{:<16}{}", scenario.name, scenario.about));
        report.fact("scenarios", chosen.len());
        return report;
    }
    if chosen.is_empty() {
        return no_such_scenario(options);
    }
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(0..1 << 48));
    let count = options.count.unwrap_or(if options.quick { QUICK_SCHEDULES } else { SCHEDULES });
    let until = options.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let (mut schedules, mut steps) = (0, 0);
    let mut left = chosen.len() as u32;
    for scenario in &chosen {
        // Each scenario has an equal share of the time that is left.
        let until = until.map(|until| {
            let now = Instant::now();
            now + until.saturating_duration_since(now) / left
        });
        let found = batches(scenario, seed, count, until, progress);
        schedules += found.schedules;
        steps += found.steps;
        left -= 1;
        let broken = found.broken.map(|broken| (broken.seed, broken.rule));
        let not_run =
            || (seed, "not searched: its time or its count was used up before the first schedule".to_owned());
        if let Some((seed, rule)) = broken.or_else(|| (found.schedules == 0).then(not_run)) {
            report.failure = Some(failure(scenario, seed, &rule));
            break;
        }
    }
    report.fact("scenarios", chosen.len());
    report.fact("schedules", schedules);
    report.fact("steps", steps);
    report.fact("seed", seed);
    report
}

/// Searches in batches, and shows between them how far it has come.
fn batches(
    scenario: &Scenario,
    seed: u64,
    count: u64,
    until: Option<Instant>,
    progress: &mut Progress,
) -> Searched {
    let mut all = Searched { schedules: 0, steps: 0, broken: None };
    while all.broken.is_none() && all.schedules < count && until.is_none_or(|until| Instant::now() < until) {
        progress.show(|| format!("{}: {} of {count} schedules", scenario.name, all.schedules));
        let batch =
            search(scenario, seed.wrapping_add(all.schedules), BATCH.min(count - all.schedules), until);
        all.schedules += batch.schedules;
        all.steps += batch.steps;
        all.broken = batch.broken;
    }
    all
}

/// `replay interleave SCENARIO --seed N`: runs one schedule again.
fn replay(options: &Options) -> Report {
    let mut report = Report::new(INTERLEAVE.name);
    let [name] = options.names.as_slice() else {
        return no_such_scenario(options);
    };
    let (Some(scenario), Some(seed)) =
        (SCENARIOS.iter().find(|scenario| scenario.name == *name), options.seed)
    else {
        return no_such_scenario(options);
    };
    println!("{}: {}", scenario.name, scenario.about);
    let found = show(scenario, seed);
    report.fact("scenario", scenario.name);
    report.fact("seed", seed);
    report.failure = found.broken.map(|broken| failure(scenario, broken.seed, &broken.rule));
    report
}

fn failure(scenario: &Scenario, seed: u64, rule: &str) -> Failure {
    Failure {
        seed: seed.to_string(),
        rule: format!("{}: {rule}", scenario.name),
        replay: format!("replay interleave {} --seed {seed}", scenario.name),
    }
}

fn no_such_scenario(options: &Options) -> Report {
    let names = options.names.join(" ");
    let why = format!(
        "no scenario is named {names:?}, or `replay` has no --seed N; `prove interleave --list` shows the names"
    );
    Report::refused(INTERLEAVE.name, why)
}
