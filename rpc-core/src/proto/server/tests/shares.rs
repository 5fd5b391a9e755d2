//! Rules of what a session leaves behind: nothing, whatever way it ends (V18), however often.

use super::*;
use crate::ids::Token;
use crate::proto::server::session::Session;
use crate::proto::server::sessions::Sessions;
use crate::proto::server::terms::Terms;
use crate::proto::tests::{MUCH, secs};

/// Rounds of a test that would see a leak grow.
const ROUNDS: u64 = 300;

fn session(id: u128, slots: u16) -> Session {
    Session::new(SessionId(id), Token([1; 32]), slots, Terms::default(), None)
}

#[test]
fn v18_when_every_reply_is_sent_and_acknowledged_nothing_is_kept_queued_or_running() {
    let (mut bench, peer) = Bench::with_peer();
    for seq in 1..=ROUNDS {
        let (slot, method) = ((seq % 4) as Slot, if seq % 3 == 0 { MUCH } else { PLAIN });
        bench.served(&peer, slot, seq, method, (seq % 7) as usize * 10);
        if seq > ROUNDS - 4 {
            bench.ack(&peer, slot, seq);
        }
    }
    let counters = bench.counters();
    assert_eq!((counters.kept_bytes, counters.queued, counters.running), (0, 0, 0));
    assert_eq!((counters.records, bench.core.calls.bytes()), (4, 0), "V10: a record a slot, and no more");
}

#[test]
fn v18_sessions_that_come_and_go_leave_nothing_behind_however_they_end() {
    let mut bench = Bench::plain();
    for round in 0..ROUNDS {
        let peer = bench.open();
        bench.served(&peer, 1, 1, PLAIN, 100);
        bench.call(&peer, 0, 1);
        let key = (round % 2 == 0).then(|| bench.begin().key);
        match round % 3 {
            0 => bench.bye(&peer),
            _ => bench.cut(&peer),
        }
        bench.pass(secs(1));
        let key = key.or_else(|| bench.core.poll_call(bench.now).map(|ready| ready.key));
        if let Some(key) = key {
            bench.finish(key, b"late");
        }
        bench.core.remove(peer.conn, bench.now);
    }
    bench.pass(secs(200));
    let counters = bench.counters();
    assert_eq!((counters.kept_bytes, counters.queued, counters.running), (0, 0, 0));
    assert_eq!((counters.sessions, counters.connections, counters.records), (0, 0, 0));
    assert_eq!((counters.record_bytes, bench.core.calls.bytes()), (0, 0));
}

#[test]
fn a_sessions_key_does_not_open_a_later_session_in_its_place() {
    let mut sessions = Sessions::default();
    let first = sessions.insert(session(1, 4));
    sessions.remove(first, START, START);
    let second = sessions.insert(session(2, 4));
    assert!(sessions.get(first).is_none() && sessions.get_mut(first).is_none());
    assert!(sessions.remove(first, START, START).is_none());
    assert_eq!(
        (sessions.len(), sessions.find(SessionId(1)), sessions.find(SessionId(2))),
        (1, None, Some(second))
    );
}

#[test]
fn records_are_made_on_first_use_and_never_beyond_the_slots() {
    let mut session = session(1, 3);
    assert_eq!(session.records().len(), 0);
    assert!(session.slot(3).is_none() && session.slot(u16::MAX).is_none());
    assert!(session.slot(1).is_some());
    assert_eq!(session.records().len(), 1, "the last slot costs one record");
    assert!(session.slot(2).is_some());
    assert_eq!(session.records().len(), 2);
    session.slot(0).expect("a slot").0.advance(1, 0);
    assert_eq!(
        session.records().len(),
        3,
        "slot 0 has its record in the session, and it counts once it has had a call"
    );
}
