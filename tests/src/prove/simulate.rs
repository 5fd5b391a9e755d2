//! `prove simulate`: random runs of the production protocol code, with seeds that are new each time.

use std::sync::Mutex;
use std::time::Duration;

use super::{Failure, Options, Part, Progress, Report};
use crate::campaign::{Campaign, campaign, fresh_seed, guarded};
use crate::profile::Profile;
use crate::run;

/// The part.
pub(super) const PART: Part = Part {
    name: "simulate",
    help: "random runs: [PROFILE ..] [--seed FIRST] [--count SEEDS, 20000] [--seconds N] [--quick: 2000]",
    share: 180,
    run: simulate,
    replay,
};

/// Seeds of a full run: about a minute on two cores.
const FULL: u64 = 20_000;
/// Seeds of the bounded part that CI runs.
const QUICK: u64 = 2_000;
/// Threads: more than a small machine has gain nothing.
const MOST_THREADS: usize = 8;

fn simulate(options: &Options, progress: &mut Progress) -> Report {
    let mut report = Report::new(PART.name);
    let first = options.seed.unwrap_or_else(fresh_seed);
    let count = options.count.unwrap_or(if options.quick { QUICK } else { FULL });
    let seconds = options.seconds.map_or(Duration::MAX, Duration::from_secs);
    let chosen = |seed: &u64| {
        options.names.is_empty()
            || options.names.iter().any(|name| format!("{:?}", Profile::of(*seed)).eq_ignore_ascii_case(name))
    };
    if let Some(name) = options.names.iter().find(|name| Profile::named(name).is_none()) {
        return Report::refused(PART.name, format!("there is no profile {name:?}"));
    }
    let seeds = (first..u64::MAX).filter(chosen).take(usize::try_from(count).unwrap_or(usize::MAX));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let progress = Mutex::new(progress);
    let stop = |tally: &crate::tally::Tally| {
        let Ok(mut progress) = progress.lock() else { return true };
        let (runs, calls) = (tally.get("runs"), tally.get("calls"));
        progress.show(|| format!("{runs} of {count} runs, {calls} calls"));
        progress.elapsed() >= seconds
    };
    let done = campaign(seeds, threads, run::Options::default(), stop);
    let Campaign { tally, broken } = &done;
    if tally.get("runs") == 0 {
        return Report::refused(
            PART.name,
            "no seed was run, so nothing is shown: raise --count or --seconds",
        );
    }
    report.fact("first", first);
    report.fact("seeds", tally.get("runs"));
    for (key, name) in [
        ("calls", "calls"),
        ("executions", "server executions"),
        ("ran_twice", "calls that ran twice"),
        ("retransmissions", "client retransmissions"),
        ("dropped", "fault dropped"),
        ("cut", "fault cut"),
        ("resumed", "server sessions resumed"),
        ("handed_over", "server connections handed over"),
        ("second_sessions", "client second sessions"),
        ("evicted", "server sessions evicted"),
        ("stalled", "server connections stalled"),
        ("drained", "drained servers that ended"),
    ] {
        report.fact(key, tally.get(name));
    }
    for (seed, rule) in broken {
        println!("seed {seed} profile {:?}: {rule}", Profile::of(*seed));
    }
    report.fact("broken", broken.len());
    report.failure = broken.first().map(|(seed, rule)| failure(*seed, rule));
    report
}

fn failure(seed: u64, rule: &str) -> Failure {
    Failure {
        seed: seed.to_string(),
        rule: format!("{:?}: {rule}", Profile::of(seed)),
        replay: format!("replay simulate --seed {seed}"),
    }
}

fn replay(options: &Options) -> Report {
    let Some(seed) = options.seed else { return Report::refused(PART.name, "replay needs --seed N") };
    let run = guarded(seed, run::Options { trace: true, filter_off: false });
    for line in &run.lines {
        println!("{line}");
    }
    let mut report = Report::new(PART.name);
    report.fact("profile", format!("{:?}", Profile::of(seed)));
    report.fact("calls", run.tally.get("calls"));
    report.failure = run.broken.as_deref().map(|rule| failure(seed, rule));
    report
}
