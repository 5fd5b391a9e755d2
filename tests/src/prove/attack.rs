//! `prove attack`: named attacks on real server processes and on the real client, each judged against what must happen.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::{Failure, Options, Part, Progress, Report};
use crate::attack::case::{Case, Trial};
use crate::attack::cases;

/// Most time, unless `--seconds` says otherwise: cases that have not begun by then are not run, which is a failure.
const SECONDS: u64 = 900;
/// The same for `--quick`.
const QUICK_SECONDS: u64 = 60;
/// Cases that run at once, but for those that compare speeds: most of them wait, and each has a server of its own.
const AT_ONCE: usize = 8;

/// The part of `prove`.
pub(super) const PART: Part = Part {
    name: "attack",
    help: "attacks on processes: [NAME ..] [--seconds N, 900] [--quick: 60 s, rates are reported only] [--list]",
    share: 300,
    run,
    replay: |options| run(options, &mut Progress::new("attack")),
};

fn run(options: &Options, progress: &mut Progress) -> Report {
    let wanted = |case: &&Case| options.wants(case.name) || options.wants(case.family);
    let chosen: Vec<_> =
        cases().into_iter().filter(wanted).filter(|case| case.quick || !options.quick).collect();
    if options.list {
        return list(&chosen);
    }
    let seconds = options.seconds.unwrap_or(if options.quick { QUICK_SECONDS } else { SECONDS });
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut done = Vec::new();
    let (alone, beside): (Vec<_>, Vec<_>) = chosen.iter().copied().partition(|case| case.alone);
    for (cases, threads) in [(beside, AT_ONCE), (alone, 1)] {
        together(&cases, threads, options.quick, until, &mut |case, trial| {
            progress.clear();
            print(case, &trial, options.quick);
            done.push((case, trial));
            let count = done.len();
            progress.show(|| format!("{count} of {} cases", chosen.len()));
        });
    }
    progress.clear();
    report(&chosen, &done, options.quick)
}

fn list(chosen: &[&Case]) -> Report {
    for case in chosen {
        println!("{:<10} {}\n    sent: {}\n    must: {}", case.family, case.name, case.sent, case.answer);
    }
    let mut report = Report::new("attack");
    report.fact("cases", chosen.len());
    report
}

/// Runs cases on so many threads until the time is over.
fn together(
    cases: &[&'static Case],
    threads: usize,
    quick: bool,
    until: Instant,
    ended: &mut dyn FnMut(&'static Case, Trial),
) {
    let next = AtomicUsize::new(0);
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (tell, next) = (tell.clone(), &next);
            scope.spawn(move || {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if Instant::now() >= until {
                        break;
                    }
                    let mut trial = Trial::new(quick);
                    if let Err(why) = (case.run)(&mut trial) {
                        trial.failed(&why);
                    }
                    let _ = tell.send((*case, trial)); // the receiver outlives the scope
                }
            });
        }
        drop(tell);
        for (case, trial) in told {
            ended(case, trial);
        }
    });
}

/// Prints a case: its verdict, what was sent, each expectation with what was seen, and figures.
fn print(case: &Case, trial: &Trial, quick: bool) {
    let verdict = if trial.broken(!quick).is_empty() { "ok" } else { "FAILED" };
    println!("{verdict:<7}{}: {}", case.family, case.name);
    println!("       sent: {}\n       must: {}", case.sent, case.answer);
    for check in &trial.checks {
        let mark = match (check.ok, check.counts || !quick) {
            (true, _) => "  ",
            (false, true) => "! ",
            (false, false) => "? ",
        };
        if !check.ok || !check.expected.is_empty() {
            println!("     {mark}{}: {} {}", check.what, check.seen, check.expected);
        }
    }
    for fact in &trial.facts {
        println!("       {fact}");
    }
}

fn report(chosen: &[&'static Case], done: &[(&'static Case, Trial)], quick: bool) -> Report {
    let mut report = Report::new("attack");
    let broken: Vec<_> = done.iter().filter(|(_, trial)| !trial.broken(!quick).is_empty()).collect();
    let ran: HashSet<_> = done.iter().map(|(case, _)| case.name).collect();
    let missing: Vec<_> = chosen.iter().filter(|case| !ran.contains(case.name)).collect();
    let slow =
        done.iter().flat_map(|(_, trial)| &trial.checks).filter(|check| !check.ok && !check.counts).count();
    report.fact("cases", chosen.len());
    report.fact("held", done.len() - broken.len());
    report.fact("broken", broken.len());
    report.fact("not_run", missing.len());
    report.fact("rates_below", slow);
    for (case, trial) in &broken {
        println!("broken: {}/{}", case.family, case.name);
        for check in trial.broken(!quick) {
            println!("    {}: {} {}", check.what, check.seen, check.expected);
        }
    }
    let first = broken.first().map(|(case, trial)| {
        let check = trial.broken(!quick).first().map(|check| format!("{}: {}", check.what, check.seen));
        (case.name, check.unwrap_or_default())
    });
    let unrun = missing.first().map(|case| (case.name, "the time was over before it began".to_owned()));
    let none = chosen.is_empty().then(|| ("no name", "no case has such a name".to_owned()));
    report.failure = none.or(first).or(unrun).map(|(name, rule)| Failure {
        seed: format!("{name:?}"),
        rule,
        replay: format!("replay attack {name:?}"),
    });
    report
}
