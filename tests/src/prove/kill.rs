//! `prove kill`: servers and clients are killed and stopped as processes, and what ran is compared with what callers were told.

use std::time::{Duration, Instant};

use super::scenes::{Scenes, Sum, filter, filter_refused, filter_word};
use super::{Options, Part, Progress, Report};
use crate::campaign::fresh_seed;
use crate::processes::fleet::Deeds;
use crate::processes::judge::Judged;
use crate::processes::scene::{DEEDS, Outcome, Setting, play};

/// Kills and stops of a full run, unless `--count` says otherwise, and of `--quick`.
const COUNT: (u64, u64) = (1_200, 60);
/// Most seconds, unless `--seconds` says otherwise, and of `--quick`: no deed is done after it.
const SECONDS: (u64, u64) = (600, 12);

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
struct Sums {
    deeds: Deeds,
    judged: Judged,
}

impl Sum for Sums {
    type Outcome = Outcome;

    fn add(&mut self, Outcome { deeds, judged, .. }: Outcome) -> Option<String> {
        self.deeds.add(deeds);
        self.judged.add(&judged);
        judged.rules.into_iter().next()
    }

    fn progress(&self) -> String {
        format!("{} kills and stops, {} calls", self.deeds.total(), self.judged.calls)
    }
}

fn run(options: &Options, progress: &mut Progress) -> Report {
    let Some(filter) = filter(options) else { return filter_refused(PART.name) };
    let pick = |(full, quick): (u64, u64)| if options.quick { quick } else { full };
    let first = options.seed.unwrap_or_else(fresh_seed);
    let count = options.count.unwrap_or(pick(COUNT));
    let until = Instant::now() + Duration::from_secs(options.seconds.unwrap_or(pick(SECONDS)));
    let next = |_: &Sums, begun: u64| {
        let left = count.saturating_sub(begun * DEEDS);
        (left > 0 && Instant::now() < until).then_some(left.min(DEEDS))
    };
    let scenes = Scenes::play(first, progress, next, |seed, deeds| play(seed, setting(deeds, filter, until)));
    report(first, Some(count), filter, &scenes)
}

fn setting(deeds: u64, filter: bool, until: Instant) -> Setting {
    Setting { deeds, filter, network: false, until }
}

fn report(first: u64, count: Option<u64>, filter: bool, scenes: &Scenes<Sums>) -> Report {
    let mut report = Report::new(PART.name);
    let Sums { deeds, judged } = &scenes.sum;
    report.fact("first", first);
    report.fact("scenes", scenes.played);
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
    // A run in which nothing was called and answered has shown nothing.
    let nothing = (judged.values == 0).then_some("no call got a value");
    report.failure = scenes.failure(first, PART.name, filter_word(filter), nothing);
    report
}

/// Plays the scene of a seed: the same deeds after the same pauses. The system decides what they meet.
fn replay(options: &Options) -> Report {
    let Some(filter) = filter(options) else { return filter_refused(PART.name) };
    let Some(seed) = options.seed else { return Report::refused(PART.name, "replay needs --seed N") };
    let until = Instant::now() + Duration::from_secs(options.seconds.unwrap_or(SECONDS.0));
    let mut scenes = Scenes::default();
    let outcome = play(seed, setting(DEEDS, filter, until));
    if let Ok(outcome) = &outcome {
        outcome.judged.rules.iter().for_each(|rule| println!("{rule}"));
    }
    scenes.add(seed, outcome);
    report(seed, None, filter, &scenes)
}

#[cfg(test)]
mod tests {
    use super::report;
    use crate::processes::fleet::Deeds;
    use crate::processes::judge::Judged;
    use crate::processes::network::Troubles;
    use crate::processes::scene::Outcome;
    use crate::prove::scenes::Scenes;

    fn line(judged: Judged) -> String {
        let mut scenes = Scenes::default();
        let deeds = Deeds { server_kills: 2, ..Deeds::default() };
        scenes.add(3, Ok(Outcome { deeds, troubles: Troubles::default(), judged }));
        report(1, Some(2), true, &scenes).to_string()
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
        let mut scenes = Scenes::default();
        scenes.add(3, Err("a process ended by itself".to_owned()));
        assert!(!report(3, None, true, &scenes).is_ok());
    }
}
