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
    let chosen = chosen(options);
    if options.list {
        return list(&chosen);
    }
    if chosen.is_empty() {
        return Report::refused("attack", "no case has such a name; `prove attack --list` shows them");
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

/// The cases that were asked for: a whole name of a case or a family is that alone, any other word a part of a name.
fn chosen(options: &Options) -> Vec<&'static Case> {
    let all = cases();
    let known = |word: &str| all.iter().any(|case| case.name == word || case.family == word);
    let wanted = |case: &Case| {
        let fits = |word: &String| {
            let whole = case.name == word || case.family == word;
            whole || !known(word) && case.name.contains(word.as_str())
        };
        options.names.is_empty() || options.names.iter().any(fits)
    };
    all.iter().copied().filter(|case| wanted(case) && (case.quick || !options.quick)).collect()
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
    report.failure = first.or(unrun).map(|(name, rule)| Failure {
        seed: format!("{name:?}"),
        rule,
        replay: format!("replay attack {name:?}"),
    });
    report
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{chosen, report};
    use crate::attack::case::Trial;
    use crate::prove::Options;

    fn named(words: &[&str]) -> Vec<&'static str> {
        let names = words.iter().map(|word| (*word).to_owned()).collect();
        chosen(&Options { names, ..Options::default() }).iter().map(|case| case.name).collect()
    }

    #[test]
    fn a_whole_name_is_that_case_or_family_alone_and_a_part_is_all_that_have_it() {
        assert_eq!(named(&["every handler thread is taken"]), ["every handler thread is taken"]);
        assert_eq!(named(&["handler thread"]).len(), 2);
        assert_eq!(named(&["logs"]).len(), 3);
        assert!(named(&["no such case"]).is_empty());
    }

    #[test]
    fn no_two_cases_have_one_name() {
        let all = named(&[]);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn a_broken_expectation_and_a_case_that_was_not_run_are_failures() {
        let cases = chosen(&Options { names: vec!["logs".to_owned()], ..Options::default() });
        let held = || cases.iter().map(|case| (*case, Trial::new(true))).collect::<Vec<_>>();
        assert!(report(&cases, &held(), true).is_ok());
        let mut broken = held();
        broken[1].1.failed("planted");
        let line = report(&cases, &broken, true).to_string();
        assert!(line.starts_with("attack: FAILED") && line.contains("planted"), "{line}");
        assert!(!report(&cases, &held()[1..], true).is_ok());
    }
}
