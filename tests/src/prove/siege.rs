//! `prove siege`: one server under thousands of idle, half-open and slow connections, handshakes and floods at once.

use std::time::{Duration, Instant};

use super::{Failure, Options, Part, Progress, Report};
use crate::attack::case::Trial;
use crate::attack::siege::{Size, besiege, fitting};

/// Most time, unless `--seconds` says otherwise: what is left then is not begun, and the report says so.
const SECONDS: u64 = 300;
/// Connections that are held, unless `--connections` says otherwise, and the same for `--quick`.
const CONNECTIONS: (u64, u64) = (10_000, 1_000);
/// Handshakes, unless `--handshakes` says otherwise, and the same for `--quick`.
const HANDSHAKES: (u64, u64) = (1_000_000, 20_000);

/// The part of `prove`.
pub(super) const PART: Part = Part {
    name: "siege",
    help: "everything at once: [--seconds N, 300] [--connections N, 10000] [--handshakes N, 1000000] \
           [--quick: 1000, 20000, rates are reported only]",
    share: 300,
    run,
    replay: |options| run(options, &mut Progress::new("siege")),
};

fn run(options: &Options, progress: &mut Progress) -> Report {
    let mut trial = Trial::new(options.quick);
    let pick = |(full, quick): (u64, u64)| if options.quick { quick } else { full };
    let wanted = usize::try_from(options.connections.unwrap_or(pick(CONNECTIONS))).unwrap_or(usize::MAX);
    let handshakes = options.handshakes.unwrap_or(pick(HANDSHAKES));
    let until = Instant::now() + Duration::from_secs(options.seconds.unwrap_or(SECONDS));
    let window = Duration::from_secs(if options.quick { 1 } else { 3 });
    let mut report = Report::new("siege");
    let ended = fitting(&mut trial, wanted).and_then(|connections| {
        report.fact("connections", format!("{connections}/{wanted}"));
        let size = Size { connections, handshakes, until, window };
        besiege(&mut trial, size, &mut |phase| progress.show(|| phase.to_owned()))
    });
    if let Err(why) = ended {
        trial.failed(&why);
    }
    progress.clear();
    for fact in &trial.facts {
        println!("{fact}");
    }
    for check in &trial.checks {
        let mark = if check.ok { "  " } else { "! " };
        println!("{mark}{}: {} {}", check.what, check.seen, check.expected);
    }
    let broken = trial.broken(!options.quick);
    report.fact("checks", trial.checks.len());
    report.fact("broken", broken.len());
    report.fact("rates_below", trial.checks.iter().filter(|check| !check.ok && !check.counts).count());
    report.failure = broken.first().map(|check| Failure {
        seed: "siege".to_owned(),
        rule: format!("{}: {} {}", check.what, check.seen, check.expected),
        replay: "siege".to_owned(),
    });
    report
}
