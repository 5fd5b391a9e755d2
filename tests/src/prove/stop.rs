//! `prove stop`: the time that it takes to stop a server beside clients that are idle, closed, killed or frozen.

use std::time::Duration;

use super::{Failure, Options, Part, Progress, Report};
use crate::processes::stopping::{Clients, measure};

/// Times that a server is stopped beside each kind of clients, unless `--count` says otherwise: the median of five is not moved by
/// two that another process has delayed.
const ROUNDS: u64 = 5;

/// The part of `prove`.
pub(super) const PART: Part = Part {
    name: "stop",
    help: "the time to stop a server, the median of [--count N, 5]: [idle|closed|killed|frozen ..] \
           [--quick: once, times are reported only]",
    share: 90,
    run,
    replay: |options| run(options, &mut Progress::new("stop")),
};

/// The times beside clients of one kind, in ascending order.
type Times = (Clients, Vec<Duration>);

fn run(options: &Options, progress: &mut Progress) -> Report {
    let known = |name: &String| Clients::ALL.iter().any(|clients| clients.name() == name);
    if !options.names.iter().all(known) {
        return Report::refused("stop", "the clients are idle, closed, killed or frozen");
    }
    let rounds = options.count.unwrap_or(if options.quick { 1 } else { ROUNDS });
    if rounds == 0 {
        return Report::refused("stop", "--count 0 measures nothing");
    }
    let mut all: Vec<Times> = Vec::new();
    for clients in Clients::ALL.into_iter().filter(|clients| options.wants(clients.name())) {
        let mut times = Vec::new();
        for round in 1..=rounds {
            progress.show(|| format!("{}: {round} of {rounds}", clients.name()));
            match measure(clients) {
                Ok(time) => times.push(time),
                Err(why) => return broken(Report::new("stop"), clients, why),
            }
        }
        times.sort_unstable();
        progress.clear();
        println!("{:<8}{times:.1?}", clients.name());
        all.push((clients, times));
    }
    report(&all, options.quick)
}

fn report(all: &[Times], quick: bool) -> Report {
    let mut report = Report::new("stop");
    let median = |times: &[Duration]| times.get(times.len() / 2).copied().unwrap_or(Duration::MAX);
    for (clients, times) in all {
        report.fact(clients.name(), format!("{:.1?}", median(times)));
    }
    let above = all.iter().find(|(clients, times)| median(times) >= clients.most());
    match above.filter(|_| !quick) {
        Some((clients, times)) => {
            let why = format!("the median is {:.1?}, and must be below {:?}", median(times), clients.most());
            broken(report, *clients, why)
        }
        None => report,
    }
}

/// Returns the report with a failure.
fn broken(mut report: Report, clients: Clients, why: String) -> Report {
    let name = clients.name();
    report.failure = Some(Failure {
        seed: name.to_owned(),
        rule: format!("beside clients that are {name}: {why}"),
        replay: format!("stop {name}"),
    });
    report
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Clients, report};

    #[test]
    fn a_median_above_its_bound_is_a_failure_but_for_the_quick_form() {
        let times = |millis: [u64; 3]| millis.map(Duration::from_millis).to_vec();
        let fine = [(Clients::Idle, times([5, 99, 5_000])), (Clients::Killed, times([5_000, 5_999, 9_000]))];
        assert_eq!(report(&fine, false).to_string(), "stop: ok idle=99.0ms killed=6.0s");
        let slow = [(Clients::Idle, times([5, 99, 100])), (Clients::Frozen, times([5, 6_000, 6_000]))];
        let line = report(&slow, false).to_string();
        assert!(line.starts_with("stop: FAILED seed=frozen") && line.ends_with("-- stop frozen"), "{line}");
        assert!(report(&slow, true).is_ok());
    }
}
