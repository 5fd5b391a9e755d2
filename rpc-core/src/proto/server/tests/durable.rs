//! Sessions that outlive the server: what a store is told, and what a server makes of it.

use super::super::{HashSecret, SessionChange, StoredRecord, StoredSession};
use super::{Bench, Peer, hello, resuming};
use crate::contract::Method;
use crate::ids::{Nonce, Seq, Slot};
use crate::limits::ServerLimits;
use crate::proto::tests::PLAIN;
use crate::wire::frame::Kind;
use crate::wire::message::Status;

/// A hash that is none: enough to see that the secret itself is not stored.
const HASH: HashSecret = |secret| secret.map(|byte| byte.wrapping_mul(31).wrapping_add(7));

fn durable() -> Bench {
    let mut bench = Bench::plain();
    bench.core.make_durable(HASH);
    bench
}

fn opened(bench: &mut Bench) -> StoredSession {
    match bench.core.poll_session_change() {
        Some(SessionChange::Opened(session)) => session,
        other => panic!("not opened: {other:?}"),
    }
}

fn record(slot: Slot, seq: Seq, method: &Method, reply: &[u8]) -> StoredRecord {
    let (method, reply) = (method.id, Some(reply.to_vec()));
    StoredRecord { slot, seq, fingerprint: 0, method, status: Status::Done, reply }
}

/// A server that has taken up the one session of an earlier one, in which these calls ran.
fn restarted(records: Vec<StoredRecord>) -> (Bench, Peer) {
    let mut first = durable();
    let peer = first.open();
    let session = opened(&mut first);
    let mut second = durable();
    second.core.restore(session, records, second.now);
    second.check();
    (second, peer)
}

#[test]
fn a_store_is_told_of_each_session_and_gets_no_secret() {
    let mut bench = durable();
    let mut greeting = hello(4);
    greeting.nonce = Some(Nonce([5; 16]));
    let peer = bench.try_open(None, &greeting).expect("there is room");
    let session = opened(&mut bench);
    assert_eq!((session.id, session.slots), (peer.id, 4));
    assert_eq!(session.token, HASH(&peer.token));
    assert_ne!(session.nonce, Some([5; 16]));
    bench.bye(&peer);
    assert_eq!(bench.core.poll_session_change(), Some(SessionChange::Ended(peer.id)));
    assert_eq!(bench.core.poll_session_change(), None);
}

#[test]
fn goaway_says_if_the_sessions_outlive_the_server_also_to_a_client_that_resumes_while_it_drains() {
    for (mut bench, code) in [(durable(), 1), (Bench::plain(), 0)] {
        let peer = bench.open();
        bench.core.start_drain(bench.now);
        let told = bench.read(peer.conn);
        assert_eq!((told[0].header.kind, told[0].header.code), (Kind::GoAway, code));
        bench.cut(&peer);
        let conn = bench.connect();
        let again = bench.greet(conn, &resuming(&peer));
        assert_eq!((again[1].header.kind, again[1].header.code), (Kind::GoAway, code));
    }
}

#[test]
fn a_server_without_a_store_keeps_no_changes() {
    let (mut bench, peer) = Bench::with_peer();
    bench.bye(&peer);
    assert_eq!(bench.core.poll_session_change(), None);
}

#[test]
fn v13_a_call_that_ran_before_the_restart_is_answered_and_does_not_run_again() {
    let (mut bench, mut peer) = restarted(vec![record(2, 7, PLAIN, b"from the first life")]);
    assert!(bench.resume(&mut peer));
    bench.call(&peer, 2, 7);
    assert!(bench.nothing_to_run());
    let frames = bench.read(peer.conn);
    assert_eq!((&frames[0].body[..], frames[0].header.seq), (&b"from the first life"[..], 7));
}

#[test]
fn v13_a_call_that_did_not_run_before_the_restart_runs() {
    let (mut bench, mut peer) = restarted(vec![record(2, 7, PLAIN, b"r")]);
    assert!(bench.resume(&mut peer));
    bench.served(&peer, 2, 8, PLAIN, 1);
    bench.served(&peer, 0, 1, PLAIN, 1);
    bench.call(&peer, 2, 7);
    assert!(bench.nothing_to_run(), "stale");
}

#[test]
fn v13_a_reply_that_was_not_kept_is_executed_and_lost() {
    let lost = StoredRecord { reply: None, ..record(0, 3, PLAIN, b"") };
    let (mut bench, mut peer) = restarted(vec![lost]);
    assert!(bench.resume(&mut peer));
    bench.call(&peer, 0, 3);
    assert!(bench.nothing_to_run());
    assert_eq!(bench.read_replies(&peer), [(0, 3, Status::ReplyLost)]);
}

#[test]
fn the_hash_of_a_token_resumes_no_session_and_the_token_does_so_again_and_again() {
    let (mut bench, mut peer) = restarted(Vec::new());
    let mut thief = Peer { token: HASH(&peer.token), ..peer.clone() };
    assert!(!bench.resume(&mut thief));
    for _ in 0..3 {
        assert!(bench.resume(&mut peer));
    }
    assert!(!bench.resume(&mut thief), "nor once its client has come back");
}

#[test]
fn a_connection_played_again_after_a_restart_gets_neither_the_session_nor_its_token() {
    let mut first = durable();
    let mut greeting = hello(4);
    greeting.nonce = Some(Nonce([5; 16]));
    first.try_open(None, &greeting).expect("there is room");
    let session = opened(&mut first);
    let mut second = durable();
    second.core.restore(session, vec![record(0, 1, PLAIN, b"r")], second.now);
    let conn = second.connect();
    assert_eq!(second.greet(conn, &greeting)[0].header.kind, Kind::SessionLost);
}

#[test]
fn a_restored_session_has_its_lease_from_the_start_of_the_server() {
    let (mut bench, mut peer) = restarted(vec![record(0, 1, PLAIN, b"r")]);
    let lease = ServerLimits::default().lease;
    bench.pass(lease / 2);
    assert!(bench.resume(&mut peer));
    bench.cut(&peer);
    bench.pass(lease + lease);
    assert_eq!(bench.core.poll_session_change(), Some(SessionChange::Ended(peer.id)));
    assert_eq!(bench.counters().sessions, 0);
    assert!(!bench.resume(&mut peer));
}

#[test]
fn a_session_whose_contract_has_changed_ends() {
    let mut first = durable();
    let peer = first.open();
    let mut session = opened(&mut first);
    session.agreements = vec![1];
    let mut second = durable();
    second.core.restore(session, Vec::new(), second.now);
    assert_eq!(second.core.poll_session_change(), Some(SessionChange::Ended(peer.id)));
    let conn = second.connect();
    assert_eq!(second.greet(conn, &resuming(&peer))[0].header.kind, Kind::SessionLost);
}

#[test]
fn a_restored_session_in_which_no_call_ran_makes_room_for_another() {
    let mut first = durable();
    first.open();
    let session = opened(&mut first);
    let mut second = Bench::new(ServerLimits { sessions: 1, ..ServerLimits::default() });
    second.core.make_durable(HASH);
    second.core.restore(session, Vec::new(), second.now);
    second.open();
    assert_eq!(second.counters().evicted, 1);
}
