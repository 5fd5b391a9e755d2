//! `prove million`: calls under kills, stops, forks, faults of the network and replays of connections, until there are 10^6 of them.

use std::time::{Duration, Instant};

use super::scenes::{Scenes, Sum, filter, filter_refused, filter_word};
use super::{Options, Part, Progress, Report};
use crate::campaign::fresh_seed;
use crate::histories::register::Planted;
use crate::histories::scene as registers;
use crate::processes::fleet::Deeds;
use crate::processes::judge::Judged;
use crate::processes::network::Troubles;
use crate::processes::scene as once;

/// Calls, unless `--count` says otherwise.
const COUNT: u64 = 1_000_000;
/// Most seconds, unless `--seconds` says otherwise: no scene is begun after it.
const SECONDS: u64 = 1_500;
/// Deeds of a scene whose server is killed: more than in `prove kill`, since most of its time should be calls.
const DEEDS: u64 = 40;
/// The time of a scene whose server keeps its state.
const LENGTH: Duration = Duration::from_secs(6);
/// So many histories may have one that is undecided, besides the first: its search was given up, since the callers of too many of its calls were killed. That is
/// no verdict on the calls, whose runs are counted all the same.
const ONE_UNDECIDED: u64 = 1_000;

/// The part of `prove`.
pub(super) const PART: Part = Part {
    name: "million",
    help: "none of 10^6 calls runs twice under kills, forks and replays: [--seed N] [--count CALLS, 1000000] \
           [--seconds N, 1500] [filter-off: must fail]",
    share: 60,
    run,
    replay,
};

/// The outcome of one scene, or the sum of several.
#[derive(Debug, Default)]
struct Outcome {
    deeds: Deeds,
    troubles: Troubles,
    /// Of calls that must not run twice: reads are left out.
    judged: Judged,
    /// Histories that were checked, those that are wrong, and those whose search was given up.
    histories: [u64; 3],
    broken: Option<String>,
}

impl Sum for Outcome {
    type Outcome = Outcome;

    fn add(&mut self, outcome: Outcome) -> Option<String> {
        self.deeds.add(outcome.deeds);
        self.troubles.add(outcome.troubles);
        self.judged.add(&outcome.judged);
        for (sum, more) in self.histories.iter_mut().zip(outcome.histories) {
            *sum += more;
        }
        outcome.broken
    }

    fn progress(&self) -> String {
        let judged = &self.judged;
        format!("{} calls, {} doubled, {} replays", judged.calls, judged.twice, self.troubles.replays)
    }
}

/// Plays the scene of a seed. In half of them the server is killed, and clients fork; in the other half it keeps its state, so
/// that connections which open a session are sent again too, and the histories of its registers are checked.
fn play(seed: u64, filter: bool, until: Instant) -> Result<Outcome, String> {
    if seed % 2 == 0 {
        let outcome = once::play(seed, once::Setting { deeds: DEEDS, filter, network: true, until })?;
        let broken = outcome.judged.rules.first().cloned();
        let (deeds, troubles, judged) = (outcome.deeds, outcome.troubles, outcome.judged);
        return Ok(Outcome { deeds, troubles, judged, histories: [0; 3], broken });
    }
    let planted = if filter { Planted::Nothing } else { Planted::FilterOff };
    let outcome = registers::play(seed, registers::Setting { length: LENGTH, planted, late_replays: false })?;
    let histories = [outcome.keys, outcome.violations, outcome.undecided];
    let is_certain = outcome.violations > 0 || !outcome.judged.rules.is_empty();
    let broken = is_certain.then(|| outcome.broken()).flatten();
    Ok(Outcome {
        deeds: outcome.deeds,
        troubles: outcome.troubles,
        judged: outcome.judged,
        histories,
        broken,
    })
}

fn run(options: &Options, progress: &mut Progress) -> Report {
    let Some(filter) = filter(options) else { return filter_refused(PART.name) };
    let first = options.seed.unwrap_or_else(fresh_seed);
    let count = options.count.unwrap_or(COUNT);
    let began = Instant::now();
    let until = began + Duration::from_secs(options.seconds.unwrap_or(SECONDS));
    let next = |sum: &Outcome, _: u64| (sum.judged.calls < count && Instant::now() < until).then_some(until);
    let scenes = Scenes::play(first, progress, next, |seed, until| play(seed, filter, until));
    let mut report = report(first, count, filter, &scenes);
    report.fact("seconds", began.elapsed().as_secs());
    report
}

fn report(first: u64, count: u64, filter: bool, scenes: &Scenes<Outcome>) -> Report {
    let mut report = Report::new(PART.name);
    let Outcome { deeds, troubles, judged, histories, .. } = &scenes.sum;
    report.fact("first", first);
    report.fact("scenes", scenes.played);
    report.fact("calls", format!("{}/{count}", judged.calls));
    for (key, value) in [
        ("doubled", judged.twice),
        ("broken", judged.broken),
        ("server_kills", deeds.server_kills),
        ("client_kills", deeds.client_kills),
        ("stops", deeds.server_stops + deeds.client_stops),
        ("forks", judged.forks),
        ("replays", troubles.replays),
        ("replayed_bytes", troubles.replayed_bytes),
        ("cut", troubles.faults.cut),
        ("dropped", troubles.faults.dropped),
        ("histories", histories[0]),
        ("not_linearizable", histories[1]),
        ("undecided", histories[2]),
        ("runs", judged.runs),
        ("values", judged.values),
        ("not_executed", judged.not_executed),
        ("unknown", judged.unknown),
        ("resolved", judged.resolved),
        ("untold", judged.untold),
    ] {
        report.fact(key, value);
    }
    let [all, _, undecided] = histories;
    let missing = if judged.calls < count {
        Some(format!("the time was over after {} of {count} calls", judged.calls))
    } else {
        let is_much = undecided.saturating_sub(1) * ONE_UNDECIDED > *all;
        is_much.then(|| format!("{undecided} of {all} histories are undecided"))
    };
    report.failure = scenes.failure(first, PART.name, filter_word(filter), missing.as_deref());
    report
}

/// Plays the scene of a seed: the same deeds and faults are drawn. The system decides what they meet.
fn replay(options: &Options) -> Report {
    let Some(filter) = filter(options) else { return filter_refused(PART.name) };
    let Some(seed) = options.seed else { return Report::refused(PART.name, "replay needs --seed N") };
    let until = Instant::now() + Duration::from_secs(options.seconds.unwrap_or(SECONDS));
    let mut scenes = Scenes::default();
    scenes.add(seed, play(seed, filter, until));
    report(seed, options.count.unwrap_or(1), filter, &scenes)
}

#[cfg(test)]
mod tests {
    use super::{Outcome, report};
    use crate::processes::judge::Judged;
    use crate::prove::scenes::Scenes;

    fn line(calls: u64, twice: u64) -> String {
        let mut scenes = Scenes::default();
        let judged = Judged { calls, twice, ..Judged::default() };
        let broken = (twice > 0).then(|| "V1: call 0x1 ran 2 times".to_owned());
        scenes.add(3, Ok(Outcome { judged, broken, ..Outcome::default() }));
        report(3, 1000, true, &scenes).to_string()
    }

    #[test]
    fn a_doubled_call_and_too_few_calls_are_failures_and_the_closing_line_counts_both() {
        assert!(line(1001, 0).starts_with("million: ok first=3 scenes=1 calls=1001/1000 doubled=0 "));
        let doubled = line(1001, 1);
        assert!(
            doubled.starts_with("million: FAILED seed=3 rule=\"V1: call 0x1")
                && doubled.contains("doubled=1")
        );
        let short = line(999, 0);
        assert!(
            short.starts_with("million: FAILED") && short.contains("over after 999 of 1000 calls"),
            "{short}"
        );
    }

    #[test]
    fn one_history_that_is_undecided_is_counted_and_many_are_a_failure() {
        let line = |histories| {
            let mut scenes = Scenes::default();
            let judged = Judged { calls: 1001, ..Judged::default() };
            scenes.add(3, Ok(Outcome { judged, histories, ..Outcome::default() }));
            report(3, 1000, true, &scenes).to_string()
        };
        let one = line([400, 0, 1]);
        assert!(
            one.starts_with("million: ok") && one.contains("histories=400 ") && one.contains("undecided=1 "),
            "{one}"
        );
        let many = line([999, 0, 2]);
        assert!(
            many.starts_with("million: FAILED") && many.contains("2 of 999 histories are undecided"),
            "{many}"
        );
    }
}
