//! Rules of nonces: a HELLO that arrives twice opens one session, and what its client sent does not run again (V1).

use super::*;
use crate::ids::Nonce;
use crate::proto::tests::ms;
use crate::wire::message::FEATURE_NO_BODY_CHECKSUM;

const NONCE: Nonce = Nonce([5; 16]);

fn opening(nonce: Nonce) -> Hello {
    Hello { nonce: Some(nonce), ..hello(SLOTS) }
}

/// Says HELLO on a new connection, and returns it with the WELCOME; `None` if the session is lost.
fn greet(bench: &mut Bench, hello: &Hello) -> Option<(ConnId, Welcome)> {
    let conn = bench.connect();
    let frames = bench.greet(conn, hello);
    match frames[0].header.kind {
        Kind::Welcome => Some((conn, Welcome::decode(&frames[0].body).expect("a WELCOME"))),
        Kind::SessionLost => None,
        other => panic!("{other:?}"),
    }
}

/// Everything that a client sends on a connection with which it opens a session: HELLO, one call in each of two slots, and
/// a second call in the first one.
fn whole_connection() -> Vec<u8> {
    let mut bytes = encoded(&Header::new(Kind::Hello), &opening(NONCE).encode()).to_vec();
    for (slot, seq) in [(0, 1), (1, 1), (0, 2)] {
        let header = Header { millis: 600_000, ..call(slot, seq, PLAIN) };
        bytes.extend_from_slice(&encoded(&header, b"arguments"));
    }
    bytes
}

/// Plays the connection, running each call that may run as it arrives.
fn play(bench: &mut Bench) -> ConnId {
    let conn = bench.connect();
    for frame in crate::proto::tests::cut(&whole_connection()) {
        bench.core.handle_input(conn, frame, bench.now);
        while bench.core.has_calls() {
            bench.run(1);
        }
    }
    bench.check();
    conn
}

#[test]
fn v1_a_whole_connection_that_is_played_again_runs_nothing_again() {
    for ended in ["open", "cut", "BYE"] {
        let mut bench = Bench::plain();
        let first = play(&mut bench);
        assert_eq!(bench.counters().executions, 3);
        match ended {
            "cut" => bench.core.remove(first, bench.now),
            "BYE" => bench.say(first, &Header::new(Kind::Bye), b""),
            _ => {}
        }
        for _ in 0..3 {
            play(&mut bench);
        }
        let counters = bench.counters();
        assert_eq!((counters.executions, counters.opened), (3, 1), "{ended}");
        assert_eq!(counters.sessions, usize::from(ended != "BYE"), "{ended}");
    }
}

#[test]
fn v1_a_connection_that_is_played_again_after_its_session_was_resumed_takes_only_the_connection() {
    let mut bench = Bench::plain();
    let (conn, welcome) = greet(&mut bench, &opening(NONCE)).expect("it opens one");
    let mut peer = Peer { conn, id: welcome.session, token: welcome.token.0, slots: SLOTS, features: 0 };
    assert!(bench.resume(&mut peer));
    bench.served(&peer, 0, 9, PLAIN, 1);
    play(&mut bench);
    assert_eq!(bench.counters().executions, 2, "of slot 1, which the session had not used");
    assert!(bench.core.wants_close(peer.conn), "the newest connection carries the session");
    assert!(bench.resume(&mut peer), "and its client takes it back");
}

#[test]
fn w9_the_same_nonce_gets_the_same_session_as_a_new_one_and_the_newest_connection_carries_it() {
    let mut bench = Bench::plain();
    let (first, opened) = greet(&mut bench, &opening(NONCE)).expect("it opens one");
    let (second, again) = greet(&mut bench, &Hello { slots: 9, ..opening(NONCE) }).expect("the same one");
    assert_eq!((opened.session, opened.token.0), (again.session, again.token.0));
    assert!(!opened.resumed && !again.resumed && again.slots == SLOTS);
    assert!(bench.core.wants_close(first) && !bench.core.wants_close(second));
    let (_, other) = greet(&mut bench, &opening(Nonce([6; 16]))).expect("another one");
    assert_ne!(opened.session, other.session);
    let without = [greet(&mut bench, &hello(SLOTS)), greet(&mut bench, &hello(SLOTS))].map(Option::unwrap);
    assert_ne!(without[0].1.session, without[1].1.session, "HELLOs without a nonce open one each");
    assert_eq!((bench.counters().sessions, bench.counters().resumed), (4, 1));
}

#[test]
fn w9_a_nonce_with_other_terms_gets_no_session() {
    let mut bench = Bench::plain();
    let (conn, _) = greet(&mut bench, &opening(NONCE)).expect("it opens one");
    assert!(greet(&mut bench, &Hello { features: FEATURE_NO_BODY_CHECKSUM, ..opening(NONCE) }).is_none());
    assert!(greet(&mut bench, &Hello { services: Vec::new(), ..opening(NONCE) }).is_none());
    assert!(!bench.core.wants_close(conn));
}

#[test]
fn v20_the_nonce_of_a_session_that_has_ended_is_remembered_for_the_time_of_a_lease() {
    let lease = ms(10_000);
    let mut bench = Bench::new(ServerLimits { lease, ..ServerLimits::default() });
    let (conn, _) = greet(&mut bench, &opening(NONCE)).expect("it opens one");
    bench.core.remove(conn, bench.now);
    bench.pass(lease);
    assert_eq!((bench.counters().expired, bench.counters().sessions), (1, 0));
    assert!(greet(&mut bench, &opening(NONCE)).is_none());
    bench.pass(lease - ms(1));
    assert!(greet(&mut bench, &opening(NONCE)).is_none());
    bench.pass(ms(1));
    assert!(greet(&mut bench, &opening(NONCE)).is_some());
    assert_eq!((bench.counters().lost, bench.counters().opened), (2, 2));
}

#[test]
fn v1_the_nonce_of_a_session_that_was_evicted_is_remembered_too() {
    let mut bench = Bench::new(ServerLimits { sessions: 1, ..ServerLimits::default() });
    let (conn, _) = greet(&mut bench, &opening(NONCE)).expect("it opens one");
    bench.core.remove(conn, bench.now);
    greet(&mut bench, &opening(Nonce([6; 16]))).expect("the unused session makes room");
    assert_eq!((bench.counters().evicted, bench.counters().sessions), (1, 1));
    assert!(greet(&mut bench, &opening(NONCE)).is_none(), "what its client sent may arrive only now");
}

#[test]
fn w9_on_a_resume_the_nonce_is_not_looked_at() {
    let mut bench = Bench::plain();
    let mut peer = bench.open();
    let hello = Hello { nonce: Some(NONCE), ..resuming(&peer) };
    peer.conn = greet(&mut bench, &hello).expect("it is resumed").0;
    assert!(greet(&mut bench, &opening(NONCE)).is_some_and(|(_, welcome)| welcome.session != peer.id));
}

#[test]
fn a_nonce_belongs_to_one_loop_and_its_connection_is_handed_over_with_all_that_was_read() {
    let mut bench = Bench::with(ServerLimits::default(), 1, 3, true);
    for first in [0u8, 1, 2, 4, 254, 255] {
        let conn = bench.connect();
        let mut nonce = NONCE;
        nonce.0[0] = first;
        let bytes = encoded(&Header::new(Kind::Hello), &opening(nonce).encode());
        bench.core.handle_input(conn, bytes.clone(), bench.now);
        match bench.core.poll_hand_over() {
            Some(over) => {
                assert_ne!(first % 3, 1);
                assert_eq!((over.conn, over.to_loop, &over.input[..]), (conn, first % 3, &bytes[..]));
            }
            None => assert_eq!((first % 3, kinds(&bench.read(conn))), (1, vec![Kind::Welcome])),
        }
    }
}

#[test]
fn a_server_that_shuts_down_gives_a_session_again_and_opens_none() {
    let mut bench = Bench::plain();
    greet(&mut bench, &opening(NONCE)).expect("it opens one");
    bench.core.start_drain(bench.now);
    let conn = bench.connect();
    assert_eq!(kinds(&bench.greet(conn, &opening(NONCE))), [Kind::Welcome, Kind::GoAway]);
    let conn = bench.connect();
    assert_eq!(kinds(&bench.greet(conn, &opening(Nonce([6; 16])))), [Kind::Busy]);
}
