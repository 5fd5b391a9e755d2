//! `prove kill`: servers and clients are killed and stopped as processes, and what ran is compared with what callers were told.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Failure, Options, Part, Progress, Report};
use crate::campaign::fresh_seed;
use crate::processes::fleet::Deeds;
use crate::processes::judge::Judged;
use crate::processes::scene::{DEEDS, Outcome, play};

/// Kills and stops of a full run, unless `--count` says otherwise, and of `--quick`.
const COUNT: (u64, u64) = (1_200, 60);
/// Most seconds, unless `--seconds` says otherwise, and of `--quick`: no deed is done after it.
const SECONDS: (u64, u64) = (600, 12);
/// Scenes that are played at once: more than a small machine has processors are only slower.
const AT_ONCE: usize = 2;
/// The name that plants a fault: a run must fail.
const FILTER_OFF: &str = "filter-off";

/// The part of `prove`.
pub(super) const PART: Part = Part {
    name: "kill",
    help: "SIGKILL and SIGSTOP of processes: [--seed N] [--count KILLS, 1200] [--seconds N, 600] [--quick: 60, 12 s] \
           [filter-off: must fail]",
    share: 60,
    run,
    replay,
};

/// The sum of all scenes.
#[derive(Default)]
struct Sum {
    deeds: Deeds,
    judged: Judged,
    scenes: u64,
    failure: Option<(u64, String)>,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: Result<Outcome, String>) {
        self.scenes += 1;
        let rule = match outcome {
            Ok(Outcome { deeds, judged }) => {
                self.deeds.add(deeds);
                self.judged.add(&judged);
                judged.rules.into_iter().next()
            }
            Err(why) => Some(format!("the scene could not be played to its end: {why}")),
        };
        if let Some(rule) = rule {
            println!("seed {seed}: {rule}");
            self.failure.get_or_insert((seed, rule));
        }
    }
}

fn run(options: &Options, progress: &mut Progress) -> Report {
    let Some(filter) = filter(options) else { return refused() };
    let pick = |(full, quick): (u64, u64)| if options.quick { quick } else { full };
    let first = options.seed.unwrap_or_else(fresh_seed);
    let count = options.count.unwrap_or(pick(COUNT));
    let until = Instant::now() + Duration::from_secs(options.seconds.unwrap_or(pick(SECONDS)));
    let shared = Mutex::new((Sum::default(), 0, progress));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Ok(mut state) = shared.lock() else { return };
                    let begun = state.1 * DEEDS;
                    if begun >= count || state.0.failure.is_some() || Instant::now() >= until {
                        return;
                    }
                    let seed = first.wrapping_add(state.1);
                    state.1 += 1;
                    drop(state);
                    let outcome = play(seed, DEEDS.min(count - begun), filter, until);
                    let Ok(mut state) = shared.lock() else { return };
                    let (sum, _, progress) = &mut *state;
                    progress.clear();
                    sum.add(seed, outcome);
                    let (deeds, calls) = (sum.deeds.total(), sum.judged.calls);
                    progress.show(|| format!("{deeds} of {count} kills and stops, {calls} calls"));
                }
            });
        }
    });
    let (sum, ..) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    report(first, Some(count), filter, &sum)
}

fn report(first: u64, count: Option<u64>, filter: bool, sum: &Sum) -> Report {
    let mut report = Report::new(PART.name);
    let Sum { deeds, judged, .. } = sum;
    report.fact("first", first);
    report.fact("scenes", sum.scenes);
    let done = deeds.total();
    report.fact("deeds", count.map_or_else(|| done.to_string(), |count| format!("{done}/{count}")));
    for (key, value) in [
        ("server_kills", deeds.server_kills),
        ("client_kills", deeds.client_kills),
        ("server_stops", deeds.server_stops),
        ("client_stops", deeds.client_stops),
        ("forks", judged.forks),
        ("calls", judged.calls),
        ("runs", judged.runs),
        ("values", judged.values),
        ("not_executed", judged.not_executed),
        ("unknown", judged.unknown),
        ("resolved", judged.resolved),
        ("untold", judged.untold),
        ("ran_unknown", judged.ran_unknown),
        ("ran_twice", judged.twice),
        ("broken", judged.broken),
    ] {
        report.fact(key, value);
    }
    let word = if filter { "" } else { " filter-off" };
    report.failure = sum.failure.as_ref().map(|(seed, rule)| Failure {
        seed: seed.to_string(),
        rule: rule.clone(),
        replay: format!("replay kill --seed {seed}{word}"),
    });
    if report.failure.is_none() && judged.values == 0 {
        // A run in which nothing was called and answered has shown nothing.
        let rule = "no call got a value".to_owned();
        report.failure = Some(Failure { seed: first.to_string(), rule, replay: "kill".to_owned() });
    }
    report
}

/// Returns false if the filter is to be switched off; `None` if there is a name that is none.
fn filter(options: &Options) -> Option<bool> {
    let known = options.names.iter().all(|name| name == FILTER_OFF);
    known.then_some(options.names.is_empty())
}

fn refused() -> Report {
    Report::refused(PART.name, format!("the only name is {FILTER_OFF:?}, which switches the filter off"))
}

/// Plays the scene of a seed: the same deeds after the same pauses. The system decides what they meet.
fn replay(options: &Options) -> Report {
    let Some(filter) = filter(options) else { return refused() };
    let Some(seed) = options.seed else { return Report::refused(PART.name, "replay needs --seed N") };
    let until = Instant::now() + Duration::from_secs(options.seconds.unwrap_or(SECONDS.0));
    let mut sum = Sum::default();
    let outcome = play(seed, DEEDS, filter, until);
    if let Ok(outcome) = &outcome {
        outcome.judged.rules.iter().for_each(|rule| println!("{rule}"));
    }
    sum.add(seed, outcome);
    report(seed, None, filter, &sum)
}

#[cfg(test)]
mod tests {
    use super::{Sum, report};
    use crate::processes::fleet::Deeds;
    use crate::processes::judge::Judged;
    use crate::processes::scene::Outcome;

    fn line(judged: Judged) -> String {
        let mut sum = Sum::default();
        sum.add(3, Ok(Outcome { deeds: Deeds { server_kills: 2, ..Deeds::default() }, judged }));
        report(1, Some(2), true, &sum).to_string()
    }

    #[test]
    fn a_broken_rule_names_its_seed_and_a_run_without_a_value_has_shown_nothing() {
        let good = Judged { calls: 2, values: 1, ..Judged::default() };
        assert!(line(good.clone()).starts_with("kill: ok first=1 scenes=1 deeds=2/2 server_kills=2"));
        let rules = vec!["V1: call 0x1 ran 2 times".to_owned()];
        let bad = line(Judged { broken: 1, rules, ..good });
        assert!(
            bad.starts_with("kill: FAILED seed=3 rule=\"V1") && bad.contains("replay kill --seed 3"),
            "{bad}"
        );
        assert!(line(Judged::default()).contains("no call got a value"));
    }

    #[test]
    fn a_scene_that_cannot_be_played_is_a_failure() {
        let mut sum = Sum::default();
        sum.add(3, Err("a process ended by itself".to_owned()));
        assert!(!report(3, None, true, &sum).is_ok());
    }
}
