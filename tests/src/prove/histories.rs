//! `prove histories`: concurrent clients over a faulty network, with kills, stops and replays; each history is checked.

use std::time::{Duration, Instant};

use super::scenes::{Scenes, Sum};
use super::{Options, Part, Progress, Report};
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
/// The name with which connections that open a session are replayed later than a server remembers their nonce, too.
const LATE_REPLAYS: &str = "late-replays";

/// The part of `prove`.
pub(super) const PART: Part = Part {
    name: "histories",
    help: "linearizability: [--seed N] [--count OPERATIONS, 500000] [--seconds N, 600] [--quick: 10000, 10 s] \
           [--html FILE: shows a history] [filter-off | stale-read | lost-write: must fail] [late-replays: later than a nonce is remembered, must fail]",
    share: 60,
    run,
    replay,
};

impl Sum for Outcome {
    type Outcome = Outcome;

    fn add(&mut self, outcome: Outcome) -> Option<String> {
        let rule = outcome.broken();
        Outcome::add(self, outcome);
        rule
    }

    fn progress(&self) -> String {
        format!("{} operations, {} histories", self.operations, self.keys)
    }
}

/// Returns the setting that the names ask for; an error says which name there is not.
fn setting(options: &Options) -> Result<Setting, String> {
    let length = if options.quick { LENGTH.1 } else { LENGTH.0 };
    let mut setting = Setting { length, planted: Planted::Nothing, late_replays: false };
    for name in &options.names {
        match name.parse() {
            Ok(planted) => setting.planted = planted,
            Err(()) if name == LATE_REPLAYS => setting.late_replays = true,
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
    let next = |sum: &Outcome, _: u64| (sum.operations < count && Instant::now() < until).then_some(setting);
    let scenes = Scenes::play(first, progress, next, play);
    report(first, Some(count), options, &scenes)
}

fn report(first: u64, count: Option<u64>, options: &Options, scenes: &Scenes<Outcome>) -> Report {
    let mut report = Report::new(PART.name);
    let outcome = &scenes.sum;
    let (judged, deeds, troubles) = (&outcome.judged, outcome.deeds, outcome.troubles);
    report.fact("first", first);
    report.fact("scenes", scenes.played);
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
        ("cut", troubles.faults.cut),
        ("dropped", troubles.faults.dropped),
        ("replays", troubles.replays),
        ("replayed_bytes", troubles.replayed_bytes),
    ] {
        report.fact(key, value);
    }
    let names: String = options.names.iter().map(|name| format!(" {name}")).collect();
    let nothing = (outcome.operations == 0).then_some("no operation was made");
    report.failure = scenes.failure(first, PART.name, &names, nothing);
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
    let mut scenes = Scenes::default();
    scenes.add(seed, play(seed, setting));
    report(seed, None, options, &scenes)
}

#[cfg(test)]
mod tests {
    use super::{report, setting};
    use crate::histories::register::Planted;
    use crate::histories::scene::Outcome;
    use crate::prove::Options;
    use crate::prove::scenes::Scenes;

    fn named(names: &[&str]) -> Options {
        Options { names: names.iter().map(|name| (*name).to_owned()).collect(), ..Options::default() }
    }

    #[test]
    fn a_name_plants_a_fault_and_an_unknown_one_is_refused() {
        let stale = setting(&named(&["stale-read"])).expect("there is one");
        assert_eq!((stale.planted, stale.late_replays), (Planted::StaleRead, false));
        assert!(setting(&named(&["late-replays"])).expect("there is one").late_replays);
        assert!(setting(&named(&["fresh-read"])).is_err());
    }

    #[test]
    fn a_broken_rule_names_its_seed_and_a_run_without_operations_has_shown_nothing() {
        let mut scenes = Scenes::default();
        scenes.add(3, Ok(Outcome { operations: 2, ..Outcome::default() }));
        assert!(report(3, Some(2), &named(&[]), &scenes).to_string().starts_with("histories: ok first=3"));
        scenes.add(4, Err("a process ended by itself".to_owned()));
        let line = report(3, Some(2), &named(&["stale-read"]), &scenes).to_string();
        assert!(line.contains("replay histories --seed 4 stale-read"), "{line}");
        assert!(!report(3, None, &named(&[]), &Scenes::default()).is_ok());
    }
}
