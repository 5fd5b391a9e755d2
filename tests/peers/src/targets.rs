//! The targets that the suite can measure: what the framework must reach beside a peer, and what it aims at.

use rpc_examples::choices::name_of;
use rpc_examples::spread::Spread;

use crate::options::{IDLE, Place};
use crate::peer::Peer;
use crate::results::{Figure, Results};

/// A limit on one of our figures, or on its ratio to a peer's.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    place: Place,
    work: &'static str,
    figure: Figure,
    /// The peer that is ours: with or without spinning.
    ours: Peer,
    /// `None`: the figure itself, and not a ratio.
    against: Option<Peer>,
    must: f64,
    aim: Option<f64>,
    /// True if more is better.
    is_least: bool,
}

/// The state of a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Reached,
    Missed,
    NotMeasured,
}

const fn ratio(
    (name, about): (&'static str, &'static str),
    (place, work, against): (Place, &'static str, Peer),
    figure: Figure,
    is_least: bool,
    (must, aim): (f64, Option<f64>),
) -> Target {
    let ours = Peer::Ours;
    Target { name, about, place, work, figure, ours, against: Some(against), must, aim, is_least }
}

const fn spinning(
    text: (&'static str, &'static str),
    (place, against): (Place, Peer),
    limits: (f64, Option<f64>),
) -> Target {
    Target { ours: OursSpin, ..ratio(text, (place, "echo1", against), P50, false, limits) }
}

const fn at_most(
    (name, about): (&'static str, &'static str),
    work: &'static str,
    figure: Figure,
    (must, aim): (f64, Option<f64>),
) -> Target {
    let place = if matches!(work.as_bytes(), b"idle") { Place::None } else { Place::Same };
    let ours = Peer::Ours;
    Target { name, about, place, work, figure, ours, against: None, must, aim, is_least: false }
}

const CALLS: Figure = |figures| figures.calls_per_second;
const P50: Figure = |figures| figures.p50_micros;
const CPU: Figure = |figures| figures.server_cpu_micros;

use Peer::{Blocking, Ours, OursSpin, Raw, RawOwned, Redis, Tarpc, TarpcSingle};
use Place::{Same, Split};

/// The targets, in the order of their names.
pub(crate) const TARGETS: [Target; 26] = [
    ratio(("T1", "p50 of a blocking call"), (Same, "echo1", Blocking), P50, false, (1.25, Some(1.15))),
    spinning(("T3", "p50 on two processors, spinning"), (Split, Tarpc), (0.3, Some(0.15))),
    spinning(("T3", "p50 on one processor, spinning"), (Same, Ours), (1.2, None)),
    ratio(("T4", "64 in flight, calls/s"), (Same, "get64", RawOwned), CALLS, true, (0.6, Some(0.7))),
    ratio(("T4", "64 in flight, calls/s"), (Same, "get64", Raw), CALLS, true, (0.0, Some(0.7))),
    ratio(("T4", "64 in flight, calls/s"), (Same, "get64", TarpcSingle), CALLS, true, (6.0, None)),
    ratio(("T5", "256 in flight, calls/s"), (Same, "get256", RawOwned), CALLS, true, (0.6, Some(0.7))),
    ratio(("T5", "256 in flight, ahead of redis"), (Same, "get256", Redis), CALLS, true, (0.0, Some(1.0))),
    ratio(("T6", "64 blocking threads, calls/s"), (Same, "threads64", Tarpc), CALLS, true, (2.0, None)),
    ratio(("T7", "64 in flight, server CPU"), (Same, "get64", RawOwned), CPU, false, (1.6, Some(1.3))),
    at_most(
        ("T8", "server's system calls, 64 in flight"),
        "get64",
        |figures| figures.server_syscalls,
        (0.05, Some(0.047)),
    ),
    at_most(
        ("T8", "client's system calls, blocking call"),
        "echo1",
        |figures| figures.client_syscalls,
        (3.0, None),
    ),
    ratio(("T9", "64 connections x 1, calls/s"), (Same, "fan1", RawOwned), CALLS, true, (0.75, Some(1.0))),
    ratio(("T9", "64 connections x 1, calls/s"), (Same, "fan1", Raw), CALLS, true, (0.0, Some(1.0))),
    ratio(("T9", "64 connections x 1, calls/s"), (Split, "fan1", RawOwned), CALLS, true, (0.75, Some(1.0))),
    ratio(("T9", "64 connections x 1, calls/s"), (Same, "fan1", Tarpc), CALLS, true, (1.5, None)),
    ratio(("T9", "64 connections x 1, calls/s"), (Split, "fan1", Tarpc), CALLS, true, (1.5, None)),
    ratio(("T9", "64 connections x 16, calls/s"), (Same, "fan16", RawOwned), CALLS, true, (0.5, Some(0.8))),
    ratio(("T9", "64 connections x 16, calls/s"), (Same, "fan16", Raw), CALLS, true, (0.0, Some(0.8))),
    ratio(("T9", "64 connections x 16, calls/s"), (Split, "fan16", RawOwned), CALLS, true, (0.5, Some(0.8))),
    ratio(("T9", "64 connections x 16, calls/s"), (Same, "fan16", Tarpc), CALLS, true, (1.5, None)),
    ratio(("T9", "64 connections x 16, calls/s"), (Split, "fan16", Tarpc), CALLS, true, (1.5, None)),
    ratio(("T10", "echo of 1 MiB, calls/s"), (Same, "large", Blocking), CALLS, true, (0.75, Some(0.95))),
    ratio(("T10", "echo of 1 MiB, calls/s"), (Split, "large", Blocking), CALLS, true, (0.75, Some(0.95))),
    at_most(
        ("T11", "bytes for each idle connection"),
        IDLE,
        |figures| figures.connected_bytes,
        (512.0, Some(300.0)),
    ),
    at_most(("T11", "the same after a call"), IDLE, |figures| figures.called_bytes, (640.0, Some(300.0))),
];

impl Target {
    /// Returns the measured spread: of the ratio, or of the figure.
    pub(crate) fn measured(&self, results: &Results) -> Option<Spread> {
        match self.against {
            Some(peer) => results.ratio_of([self.ours, peer], self.place, self.work, self.figure),
            None => results.spread(self.place, self.work, self.ours, self.figure),
        }
    }

    pub(crate) fn verdict(&self, measured: Option<Spread>) -> Verdict {
        match measured {
            None => Verdict::NotMeasured,
            Some(spread) if self.holds(spread.median, self.must) => Verdict::Reached,
            Some(_) => Verdict::Missed,
        }
    }

    /// Returns true if the median reaches what is aimed at.
    pub(crate) fn reaches_aim(&self, measured: Option<Spread>) -> bool {
        matches!((measured, self.aim), (Some(spread), Some(aim)) if self.holds(spread.median, aim))
    }

    fn holds(&self, value: f64, limit: f64) -> bool {
        if self.is_least { value >= limit } else { value <= limit }
    }

    /// Returns the limits as text: what must be reached, and the aim.
    pub(crate) fn limits(&self) -> [String; 2] {
        let sign = if self.is_least { ">=" } else { "<=" };
        let text = |limit: f64| format!("{sign} {limit}");
        let must = if self.must > 0.0 { text(self.must) } else { "-".to_owned() };
        [must, self.aim.map_or("-".to_owned(), text)]
    }

    /// Returns the other side of the ratio, or `-`.
    pub(crate) fn against(&self) -> String {
        self.against.map_or("-".to_owned(), name_of)
    }

    /// Returns the place of the measurement as text.
    pub(crate) fn place(&self) -> String {
        if self.work == IDLE { "-".to_owned() } else { name_of(self.place) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Figures;
    use crate::results::Cell;

    #[test]
    fn a_target_is_reached_at_its_limit_and_missed_beyond() {
        let target = |is_least| Target { is_least, must: 0.6, aim: Some(0.6), ..TARGETS[3] };
        let spread = |median| Some(Spread { median, least: 0.0, most: 9.0 });
        for (is_least, at, beyond) in [(true, 0.6, 0.59), (false, 0.6, 0.61)] {
            assert_eq!(target(is_least).verdict(spread(at)), Verdict::Reached);
            assert_eq!(target(is_least).verdict(spread(beyond)), Verdict::Missed);
            assert!(
                target(is_least).reaches_aim(spread(at)) && !target(is_least).reaches_aim(spread(beyond))
            );
        }
        assert_eq!(target(true).verdict(None), Verdict::NotMeasured);
    }

    #[test]
    fn every_target_names_a_work_that_its_peers_do() {
        for target in TARGETS {
            let work = rpc_ours::work::find(target.work);
            assert!(work.is_some() || target.work == IDLE, "{}", target.work);
            let does = |peer: Peer| work.is_none_or(|work| peer.does(&work));
            assert!(target.against.is_none_or(does), "{} {}", target.name, target.work);
        }
    }

    #[test]
    fn a_target_without_a_peer_is_about_our_own_figure() {
        let figures = Figures { client_syscalls: Some(4.0), ..Figures::default() };
        let cell = Cell { round: 1, place: Place::Same, work: "echo1", peer: Peer::Ours, figures };
        let results = Results { cells: vec![cell] };
        let target = TARGETS.iter().find(|target| target.about.starts_with("client's system")).expect("T8");
        let measured = target.measured(&results);
        assert_eq!(measured.map(|spread| spread.median), Some(4.0));
        assert_eq!(target.verdict(measured), Verdict::Missed);
    }
}
