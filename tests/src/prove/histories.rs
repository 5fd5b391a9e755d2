//! `prove histories`: concurrent clients over a faulty network, with kills, stops and replays; each history is checked.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Failure, Options, Part, Progress, Report};
use crate::campaign::fresh_seed;
use crate::histories::page::page;
use crate::histories::register::Planted;
use crate::histories::scene::{Outcome, Setting, play};

/// Operations of a full run, unless `--count` says otherwise, and of `--quick`.
const COUNT: (u64, u64) = (500_000, 10_000);
/// Most seconds, unless `--seconds` says otherwise, and of `--quick`: no scene is begun after it.
const SECONDS: (u64, u64) = (600, 10);
/// The time of one scene.
const LENGTH: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(2));
/// Scenes that are played at once: more than a small machine has processors are only slower.
const AT_ONCE: usize = 2;
/// The name with which connections that open a session are replayed too.
const OPENINGS: &str = "replay-openings";
/// True if they are always replayed. Without a nonce in HELLO the server cannot tell such a replay from a new client with the
/// same calls: it is a known fault, and not what this part is to find.
const REPLAY_OPENINGS: bool = false;

/// The part of `prove`.
pub(super) const PART: Part = Part {
    name: "histories",
    help: "linearizability: [--seed N] [--count OPERATIONS, 500000] [--seconds N, 600] [--quick: 10000, 10 s] \
           [--html FILE: shows a history] [filter-off | stale-read | lost-write: must fail] [replay-openings: fails as yet]",
    share: 60,
    run,
    replay,
};

/// The sum of all scenes.
#[derive(Default)]
struct Sum {
    outcome: Outcome,
    scenes: u64,
    failure: Option<(u64, String)>,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: Result<Outcome, String>) {
        self.scenes += 1;
        let rule = match outcome {
            Ok(outcome) => {
                let rule = outcome.broken();
                self.outcome.add(outcome);
                rule
            }
            Err(why) => Some(format!("the scene could not be played to its end: {why}")),
        };
        if let Some(rule) = rule {
            println!("seed {seed}: {rule}");
            self.failure.get_or_insert((seed, rule));
        }
    }
}

/// Returns the setting that the names ask for; an error says which name there is not.
fn setting(options: &Options) -> Result<Setting, String> {
    let length = if options.quick { LENGTH.1 } else { LENGTH.0 };
    let mut setting = Setting { length, planted: Planted::Nothing, openings: REPLAY_OPENINGS };
    for name in &options.names {
        match name.parse() {
            Ok(planted) => setting.planted = planted,
            Err(()) if name == OPENINGS => setting.openings = true,
            Err(()) => return Err(format!("there is no fault {name:?}")),
        }
    }
    Ok(setting)
}

fn run(options: &Options, progress: &mut Progress) -> Report {
    let setting = match setting(options) {
        Ok(setting) => setting,
        Err(why) => return Report::refused(PART.name, why),
    };
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
                    if state.0.outcome.operations >= count
                        || state.0.failure.is_some()
                        || Instant::now() >= until
                    {
                        return;
                    }
                    let seed = first.wrapping_add(state.1);
                    state.1 += 1;
                    drop(state);
                    let outcome = play(seed, setting);
                    let Ok(mut state) = shared.lock() else { return };
                    let (sum, _, progress) = &mut *state;
                    progress.clear();
                    sum.add(seed, outcome);
                    let (operations, keys) = (sum.outcome.operations, sum.outcome.keys);
                    progress.show(|| format!("{operations} of {count} operations, {keys} histories"));
                }
            });
        }
    });
    let (sum, ..) = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    report(first, Some(count), options, &sum)
}

fn report(first: u64, count: Option<u64>, options: &Options, sum: &Sum) -> Report {
    let mut report = Report::new(PART.name);
    let outcome = &sum.outcome;
    let (judged, deeds, faults) = (&outcome.judged, outcome.deeds, outcome.faults);
    report.fact("first", first);
    report.fact("scenes", sum.scenes);
    let done = outcome.operations;
    report.fact("operations", count.map_or_else(|| done.to_string(), |count| format!("{done}/{count}")));
    for (key, value) in [
        ("histories", outcome.keys),
        ("longest", outcome.longest),
        ("violations", outcome.violations),
        ("undecided", outcome.undecided),
        ("writes", judged.calls),
        ("runs", judged.runs),
        ("ran_twice", judged.twice),
        ("not_executed", judged.not_executed),
        ("unknown", judged.unknown),
        ("untold", judged.untold),
        ("broken", judged.broken),
        ("client_kills", deeds.client_kills),
        ("stops", deeds.client_stops + deeds.server_stops),
        ("cut", faults.cut),
        ("dropped", faults.dropped),
        ("replays", outcome.replays.0),
        ("replayed_bytes", outcome.replays.1),
    ] {
        report.fact(key, value);
    }
    let names: String = options.names.iter().map(|name| format!(" {name}")).collect();
    report.failure = sum.failure.as_ref().map(|(seed, rule)| Failure {
        seed: seed.to_string(),
        rule: rule.clone(),
        replay: format!("replay histories --seed {seed}{names}"),
    });
    if report.failure.is_none() && outcome.operations == 0 {
        let rule = "no operation was made".to_owned();
        report.failure = Some(Failure { seed: first.to_string(), rule, replay: "histories".to_owned() });
    }
    if let (Some(path), Some(shown)) = (&options.html, &outcome.shown) {
        match std::fs::write(path, page(shown)) {
            Ok(()) => report.fact("page", path.display()),
            Err(error) => eprintln!("the page cannot be written to {}: {error}", path.display()),
        }
    }
    report
}

/// Plays the scene of a seed: the same faults are drawn. The system decides what they meet.
fn replay(options: &Options) -> Report {
    let (setting, seed) = match (setting(options), options.seed) {
        (Ok(setting), Some(seed)) => (setting, seed),
        (Err(why), _) => return Report::refused(PART.name, why),
        (_, None) => return Report::refused(PART.name, "replay needs --seed N"),
    };
    let mut sum = Sum::default();
    sum.add(seed, play(seed, setting));
    report(seed, None, options, &sum)
}

#[cfg(test)]
mod tests {
    use super::{Sum, report, setting};
    use crate::histories::register::Planted;
    use crate::histories::scene::Outcome;
    use crate::prove::Options;

    fn named(names: &[&str]) -> Options {
        Options { names: names.iter().map(|name| (*name).to_owned()).collect(), ..Options::default() }
    }

    #[test]
    fn a_name_plants_a_fault_and_an_unknown_one_is_refused() {
        let stale = setting(&named(&["stale-read"])).expect("there is one");
        assert_eq!((stale.planted, stale.openings), (Planted::StaleRead, super::REPLAY_OPENINGS));
        assert!(setting(&named(&["replay-openings"])).expect("there is one").openings);
        assert!(setting(&named(&["fresh-read"])).is_err());
    }

    #[test]
    fn a_broken_rule_names_its_seed_and_a_run_without_operations_has_shown_nothing() {
        let mut sum = Sum::default();
        sum.add(3, Ok(Outcome { operations: 2, ..Outcome::default() }));
        assert!(report(3, Some(2), &named(&[]), &sum).to_string().starts_with("histories: ok first=3"));
        sum.add(4, Err("a process ended by itself".to_owned()));
        let line = report(3, Some(2), &named(&["stale-read"]), &sum).to_string();
        assert!(line.contains("replay histories --seed 4 stale-read"), "{line}");
        assert!(!report(3, None, &named(&[]), &Sum::default()).is_ok());
    }
}
