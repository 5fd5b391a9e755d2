//! Decisions about single frames in the simulator, what an observer sees, and the snapshots of both sides.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::proto::client::SlotUse;
use rpc_core::proto::server::CallState;
use rpc_core::wire::frame::Kind;
use rpc_core::{CallError, Pending, rpc};
use rpc_sim::{Fate, Faults, Happening, InFlight, Network, WorldConfig};

#[rpc]
pub(crate) trait Log {
    fn append(&self, text: &str) -> u32;
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Log for Lines {
    fn append(&self, text: &str) -> u32 {
        let mut lines = self.0.lock().expect("no panic");
        lines.push(text.to_owned());
        lines.len() as u32
    }
}

impl Lines {
    fn all(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }
}

/// A network on which each frame takes 40 ms, with a client that has a session.
struct Stage {
    network: Network,
    lines: Lines,
    log: LogClient,
}

const FRAME: Duration = Duration::from_millis(40);

impl Stage {
    fn with(at_most_once: bool) -> Stage {
        let faults = Faults::none().delay(FRAME, FRAME);
        let network = Network::with_config(WorldConfig { at_most_once, ..WorldConfig::new(1, faults) });
        let lines = Lines::default();
        network.serve(LogServer::new(lines.clone()));
        network.with_world(|world| world.observe());
        let log: LogClient = network.client();
        network.run_for(Duration::from_secs(1));
        network.with_world(|world| world.take_observed());
        Stage { network, lines, log }
    }

    fn new() -> Stage {
        Stage::with(true)
    }

    /// The frames of a kind that are on their way.
    fn flying(&self, kind: Kind) -> Vec<InFlight> {
        let frames = self.network.with_world(|world| world.in_flight());
        frames.into_iter().filter(|frame| frame.bytes.get(4) == Some(&(kind as u8))).collect()
    }

    /// The one frame of a kind that is on its way.
    fn one(&self, kind: Kind) -> InFlight {
        let mut frames = self.flying(kind);
        assert_eq!(frames.len(), 1, "{kind:?}: {frames:?}");
        frames.remove(0)
    }

    fn decide(&self, kind: Kind, fate: Fate) {
        let frame = self.one(kind).id;
        assert!(self.network.with_world(|world| world.decide(frame, fate)), "{fate:?}");
    }

    /// Goes on until a frame of this kind is on its way.
    fn until(&self, kind: Kind) {
        for _ in 0..1000 {
            if !self.flying(kind).is_empty() {
                return;
            }
            self.network.run_for(Duration::from_millis(1));
        }
        panic!("no {kind:?} is sent");
    }

    fn delivered(&self, kind: Kind) -> usize {
        let seen = self.network.with_world(|world| world.take_observed());
        let of_kind = |what: &Happening| matches!(what, Happening::Delivered { bytes, .. } if bytes.get(4) == Some(&(kind as u8)));
        seen.iter().filter(|seen| of_kind(&seen.what)).count()
    }

    fn record(&self) -> (CallState, Option<usize>) {
        self.network.with_world(|world| {
            let sessions = world.server().expect("a server").snapshot();
            let record = sessions.first().and_then(|session| session.records.first()).expect("a record");
            (record.state, record.kept.as_ref().map(Vec::len))
        })
    }
}

fn value(pending: Pending<u32>) -> u32 {
    pending.wait().unwrap_or_else(|error: CallError| panic!("{error}"))
}

#[test]
fn a_call_that_is_dropped_is_sent_again_and_runs_once() {
    let stage = Stage::new();
    let pending = stage.log.start.append("a");
    stage.decide(Kind::Call, Fate::Drop);
    assert!(stage.flying(Kind::Call).is_empty());
    assert_eq!(value(pending), 1);
    assert_eq!((stage.lines.all().len(), stage.log.call.counters().resent), (1, 1));
}

#[test]
fn a_reply_that_is_dropped_is_answered_from_the_record() {
    let stage = Stage::new();
    let pending = stage.log.start.append("a");
    stage.until(Kind::Reply);
    assert_eq!(stage.record(), (CallState::Kept, Some(4)));
    stage.decide(Kind::Reply, Fate::Drop);
    assert_eq!(value(pending), 1);
    assert_eq!(
        (stage.lines.all().len(), stage.delivered(Kind::Call)),
        (1, 2),
        "the call arrived twice, and ran once"
    );
    stage.network.run_for(Duration::from_secs(2));
    assert_eq!(stage.record(), (CallState::Acknowledged, None));
}

#[test]
fn a_call_that_is_doubled_runs_twice_only_without_the_filter() {
    for (filter, runs) in [(true, 1), (false, 2)] {
        let stage = Stage::with(filter);
        let pending = stage.log.start.append("a");
        stage.decide(Kind::Call, Fate::Double);
        assert_eq!(stage.flying(Kind::Call).len(), 2);
        assert_eq!(value(pending), 1);
        stage.network.run_for(Duration::from_secs(1));
        assert_eq!(stage.lines.all().len(), runs, "filter: {filter}");
    }
}

#[test]
fn a_frame_that_is_held_stands_still_until_it_is_released() {
    let stage = Stage::new();
    let pending = stage.log.start.append("a");
    stage.decide(Kind::Call, Fate::Hold);
    stage.network.run_for(Duration::from_millis(100));
    let held = stage.one(Kind::Call);
    assert_eq!((held.arrives, held.left, stage.lines.all().len()), (None, FRAME, 0));
    stage.decide(Kind::Call, Fate::Release);
    assert_eq!(value(pending), 1);
}

#[test]
fn a_frame_that_is_reordered_arrives_after_the_one_behind_it() {
    let stage = Stage::new();
    let (first, second) = (stage.log.start.append("a"), stage.log.start.append("b"));
    let frame = stage.flying(Kind::Call)[0].id;
    assert!(stage.network.with_world(|world| world.decide(frame, Fate::Reorder)));
    assert_eq!((value(first), value(second)), (2, 1));
    assert_eq!(stage.lines.all(), ["b", "a"]);
}

#[test]
fn a_byte_that_is_changed_is_refused_by_the_checksum_and_the_call_runs_once() {
    for at in [4, 20, 36] {
        let stage = Stage::new();
        let pending = stage.log.start.append("a");
        let to = !stage.one(Kind::Call).bytes[at];
        stage.decide(Kind::Call, Fate::Change { at, to });
        assert_eq!(value(pending), 1);
        assert_eq!((stage.lines.all().len(), stage.log.call.counters().connections), (1, 2), "byte {at}");
    }
}

#[test]
fn a_connection_that_is_cut_loses_what_is_on_its_way() {
    let stage = Stage::new();
    let pending = stage.log.start.append("a");
    stage.decide(Kind::Call, Fate::Cut);
    assert!(stage.flying(Kind::Call).is_empty());
    assert_eq!(value(pending), 1);
    let counters = stage.log.call.counters();
    assert_eq!((stage.lines.all().len(), counters.connections, counters.sessions), (1, 2, 1));
}

#[test]
fn both_copies_arrive_when_a_split_heals_and_the_call_runs_once() {
    let stage = Stage::new();
    let pending = stage.log.start.append("a");
    stage.network.with_world(|world| world.split());
    stage.network.run_for(Duration::from_secs(3));
    assert_eq!((stage.lines.all().len(), stage.delivered(Kind::Call)), (0, 0));
    assert!(stage.flying(Kind::Call).len() > 1, "the client has sent it again");
    stage.network.with_world(|world| world.heal());
    assert_eq!(value(pending), 1);
    stage.network.run_for(Duration::from_secs(5));
    assert!(stage.delivered(Kind::Call) > 1);
    assert_eq!(stage.lines.all().len(), 1);
}

#[test]
fn a_fate_for_a_frame_that_is_not_there_does_nothing() {
    let stage = Stage::new();
    let pending = stage.log.start.append("a");
    let frame = stage.one(Kind::Call).id;
    let hash = stage.network.trace_hash();
    assert!(!stage.network.with_world(|world| world.decide(frame, Fate::Release)), "it is not held");
    assert_eq!(value(pending), 1);
    for fate in [Fate::Drop, Fate::Double, Fate::Hold, Fate::Release, Fate::Reorder, Fate::Cut] {
        assert!(!stage.network.with_world(|world| world.decide(frame, fate)), "{fate:?}");
    }
    assert_ne!(stage.network.trace_hash(), hash);
}

#[test]
fn the_snapshots_follow_a_call_from_its_slot_to_its_record() {
    let stage = Stage::new();
    let pending = stage.log.start.append("a");
    let slots = stage.network.with_world(|world| world.client(0).expect("a client").snapshot().slots);
    assert!(
        matches!(slots[..], [slot] if matches!(slot.usage, SlotUse::InFlight { sent: true, .. }) && slot.last == 1)
    );
    stage.until(Kind::Reply);
    drop(pending);
    let slots = stage.network.with_world(|world| world.client(0).expect("a client").snapshot().slots);
    assert!(
        matches!(slots[..], [slot] if matches!(slot.usage, SlotUse::Orphaned { tag: None })),
        "{slots:?}"
    );
    stage.network.run_for(Duration::from_secs(2));
    let slots = stage.network.with_world(|world| world.client(0).expect("a client").snapshot().slots);
    assert!(matches!(slots[..], [slot] if slot.usage == SlotUse::Free && slot.replied == 1), "{slots:?}");
}

#[test]
fn an_observer_changes_nothing_and_sees_every_frame_arrive_once_or_be_dropped() {
    for seed in 0..20 {
        let run = |observes: bool| {
            let network = Network::new(seed, Faults::bad());
            network.serve(LogServer::new(Lines::default()));
            if observes {
                network.with_world(|world| world.observe());
            }
            let log: LogClient = network.client();
            for _ in 0..20 {
                let _ = log.append("a");
            }
            log.call.close();
            network.run_for(Duration::from_secs(300));
            (network.trace_hash(), network)
        };
        let (hash, network) = run(true);
        assert_eq!(hash, run(false).0, "seed {seed}");
        let seen = network.with_world(|world| world.take_observed());
        let mut open = std::collections::BTreeSet::new();
        for event in seen {
            match event.what {
                Happening::Sent { frame, .. } => assert!(open.insert(frame), "{frame:?} is sent once"),
                Happening::Delivered { frame, .. } => assert!(open.remove(&frame), "{frame:?} arrives once"),
                Happening::Dropped { frame, .. } => drop(open.remove(&frame)),
                _ => {}
            }
        }
        let flying = network.with_world(|world| world.in_flight());
        assert_eq!(
            open.into_iter().collect::<Vec<_>>(),
            flying.iter().map(|frame| frame.id).collect::<Vec<_>>()
        );
    }
}
