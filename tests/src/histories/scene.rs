//! One seed of `prove histories`: a server, clients behind a faulty network, deeds, and the judgement of all histories.

use std::time::{Duration, Instant};

use super::check::{Judgement, check};
use super::operation::{Histories, Operation, histories};
use super::register::Planted;
use crate::processes::fleet::{Deed, Deeds, Fleet, Plan};
use crate::processes::journal::{Folder, ids, lines};
use crate::processes::judge::{Judged, Told};
use crate::processes::network::{Network, Troubles};
use crate::processes::words::Words;

/// Most operations of a history that is shown while none is broken: they fit on a page.
const MOST_SHOWN: usize = 120;
/// A lease that outlives a scene, in milliseconds.
const LONG_LEASE: u64 = 60_000;

/// The settings of a scene.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// The time for which its clients call.
    pub(crate) length: Duration,
    /// The fault of the server.
    pub(crate) planted: Planted,
    /// True if a connection that opens a session is replayed also when the server may have forgotten its nonce.
    pub(crate) late_replays: bool,
}

/// One history with its judgement.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// The seed of its scene.
    pub(crate) seed: u64,
    /// The key.
    pub(crate) key: u64,
    /// Its operations, in the order in which they began.
    pub(crate) operations: Vec<Operation>,
    /// The judgement.
    pub(crate) judgement: Judgement,
}

/// The outcome of a scene, or the sum of several.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// The deeds that were done to its processes.
    pub(crate) deeds: Deeds,
    /// The faults of the network.
    pub(crate) troubles: Troubles,
    /// Counts of what ran and of what callers were told, reads left out.
    pub(crate) judged: Judged,
    /// All calls, reads included.
    pub(crate) operations: u64,
    /// Histories that were judged.
    pub(crate) keys: u64,
    /// The operations of the longest one.
    pub(crate) longest: u64,
    /// Histories that no order explains.
    pub(crate) violations: u64,
    /// Histories whose search was given up.
    pub(crate) undecided: u64,
    /// The history to be shown: the first that is broken, or the one with the most calls of unknown outcome.
    pub(crate) shown: Option<Shown>,
}

impl Outcome {
    /// Judges the histories of a scene.
    fn judge(&mut self, seed: u64, histories: Histories) {
        for (key, operations) in histories {
            let judgement = check(&operations);
            self.keys += 1;
            self.operations += operations.len() as u64;
            self.longest = self.longest.max(operations.len() as u64);
            self.violations += u64::from(matches!(judgement, Judgement::Violation(_)));
            self.undecided += u64::from(judgement == Judgement::Undecided);
            self.show(Shown { seed, key, operations, judgement });
        }
    }

    fn show(&mut self, candidate: Shown) {
        let rank = |shown: &Shown| {
            let fits = shown.operations.len() <= MOST_SHOWN;
            let unknown = shown.operations.iter().filter(|o| o.over().is_none() && !o.is_void()).count();
            (shown.judgement != Judgement::Linearizable, fits.then_some(unknown), shown.operations.len())
        };
        if self.shown.as_ref().is_none_or(|shown| rank(&candidate) > rank(shown)) {
            self.shown = Some(candidate);
        }
    }

    /// Returns the first rule that is broken.
    pub(crate) fn broken(&self) -> Option<String> {
        if let Some(rule) = self.judged.rules.first() {
            return Some(rule.clone());
        }
        let shown = self.shown.as_ref()?;
        let (key, count) = (shown.key, shown.operations.len());
        match shown.judgement {
            Judgement::Linearizable => None,
            Judgement::Undecided => {
                Some(format!("the history of key {key} is undecided: {count} operations"))
            }
            Judgement::Violation(at) => {
                let operation = shown.operations.get(at);
                let what = operation.map(|o| format!("{} {} -> {:?}", o.kind.name(), o.id, o.seen));
                Some(format!("the history of key {key} is not linearizable: {}", what.unwrap_or_default()))
            }
        }
    }

    /// Adds another outcome.
    pub(crate) fn add(&mut self, other: Outcome) {
        self.deeds.add(other.deeds);
        self.troubles.add(other.troubles);
        self.judged.add(&other.judged);
        self.operations += other.operations;
        self.keys += other.keys;
        self.longest = self.longest.max(other.longest);
        self.violations += other.violations;
        self.undecided += other.undecided;
        if let Some(shown) = other.shown {
            self.show(shown);
        }
    }
}

/// Plays a scene.
pub(crate) fn play(seed: u64, setting: Setting) -> Result<Outcome, String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = Folder::new(&format!("histories-{seed}"))?;
    let (runs, journal) =
        (folder.file("runs"), |client: u64| folder.file(&format!("client-{client}.journal")));
    // Sessions that end while their client is stopped, and sessions that do not.
    let lease = if random.bool() { LONG_LEASE } else { 150 };
    let (sessions, lanes, deadline) = (random.u64(1..=2), random.u64(2..=4), random.u64(20..=600));
    let server_words = Words::default()
        .with("runs", runs.display())
        .with("filter", if setting.planted == Planted::FilterOff { "off" } else { "on" })
        .with("planted", setting.planted.name())
        .with("lease", lease)
        .with("loops", random.u64(1..=2));
    let client_words = |number: u64, to: std::net::SocketAddr| {
        let words = Words::default().with("to", to).with("journal", journal(number).display());
        let words = words.with("client", number).with("sessions", sessions).with("lanes", lanes);
        words.with("deadline", deadline).with("seed", seed.wrapping_add(number << 16))
    };
    let plan =
        Plan { server: super::SERVER, server_words, client: super::CLIENT, client_words: &client_words };
    let mut fleet = Fleet::start(plan, ([127, 0, 0, 1], 0).into())?;
    // A nonce is remembered for the time of a lease after its session has ended: a later replay opens a new session.
    let openings = lease == LONG_LEASE || setting.late_replays;
    let network = Network::start(fleet.address(), openings, &mut random, seed)?;
    let clients = random.usize(2..=4);
    fleet.man(clients, network.addr())?;
    let until = Instant::now() + setting.length;
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(random.u64(5..60)));
        if !network.disturb(&mut random) {
            fleet.undergo(Deed::draw(&mut random, clients, false))?;
        }
    }
    let started = fleet.started;
    let deeds = fleet.finish()?;
    let mut outcome = Outcome { deeds, troubles: network.troubles(), ..Outcome::default() };
    drop(network);
    let journals = (0..started).map(|client| lines(&journal(client))).collect::<Result<Vec<_>, _>>()?;
    let all = histories(journals.iter().map(Vec::as_slice))?;
    outcome.judged = told(&all)?.judge(&ids(&runs)?);
    outcome.judge(seed, all);
    Ok(outcome)
}

/// Returns what callers were told of all calls but reads, which may run as often as their client likes.
fn told(histories: &Histories) -> Result<Told, String> {
    let mut told = Told::default();
    let writes = histories.values().flatten().filter(|o| o.kind != super::operation::Kind::Get);
    for operation in writes {
        told.begin(operation.id)?;
        operation.verdict.map_or(Ok(()), |verdict| told.tell(operation.id, verdict))?;
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::{Histories, Outcome, told};
    use crate::histories::operation::histories;

    fn of(journal: &str) -> Histories {
        let lines: Vec<_> = journal.lines().map(str::to_owned).collect();
        histories([lines.as_slice()]).expect("a journal")
    }

    #[test]
    fn a_broken_history_is_the_one_that_is_shown_and_reported() {
        let mut outcome = Outcome::default();
        outcome
            .judge(1, of("b 1 10 0 7 p\ne 1 v 20 ok\nb 2 30 0 7 g\ne 2 v 40 1\nb 3 50 0 8 p\nb 4 60 1 8 p"));
        assert_eq!((outcome.keys, outcome.operations, outcome.violations, outcome.broken()), (2, 4, 0, None));
        assert_eq!(outcome.shown.as_ref().map(|shown| shown.key), Some(8), "two calls are unknown");
        outcome.judge(2, of("b 1 10 0 9 p\ne 1 v 20 ok\nb 2 30 0 9 g\ne 2 v 40 "));
        let rule = outcome.broken().expect("a lost write");
        assert!(rule.contains("key 9 is not linearizable: get 2 -> Some(List([]))"), "{rule}");
    }

    #[test]
    fn a_second_run_of_a_write_is_broken_and_one_of_a_read_is_not() {
        let all = of("b 1 10 0 7 p\ne 1 v 20 ok\nb 2 30 0 7 g\ne 2 v 40 1");
        assert_eq!(told(&all).expect("consistent").judge(&[1]).broken, 0);
        assert_eq!(told(&all).expect("consistent").judge(&[1, 1]).twice, 1);
    }
}
