//! Rules of the caps on sessions: in all, by source, by loop; and which session goes when there is no room.

use super::*;
use crate::proto::tests::{READ, ms, secs};
use std::net::IpAddr;

fn capped(sessions: usize) -> Bench {
    Bench::new(ServerLimits { sessions, ..ServerLimits::default() })
}

fn from(host: u8, port: u16) -> Option<SocketAddr> {
    Some(SocketAddr::new(IpAddr::from([10, 0, 0, host]), port))
}

/// A new session for a client that would like one.
fn more(bench: &mut Bench) -> Option<Peer> {
    bench.try_open(None, &hello(1))
}

#[test]
fn v10_there_are_as_many_sessions_as_the_cap_and_not_one_more() {
    let mut bench = capped(3);
    let peers: Vec<Peer> = (0..3).map(|_| bench.open()).collect();
    assert!(more(&mut bench).is_none(), "attached sessions stay");
    assert_eq!((bench.counters().sessions, bench.counters().turned_away), (3, 1));
    bench.bye(&peers[1]);
    assert!(more(&mut bench).is_some(), "one has ended");
    assert!(more(&mut bench).is_none());
}

#[test]
fn the_cap_is_divided_among_the_loops_and_each_has_one_session_at_least() {
    let limits = |sessions| ServerLimits { sessions, ..ServerLimits::default() };
    for (sessions, loops, most) in [(8, 4, 2), (7, 4, 1), (2, 4, 1), (5, 0, 5)] {
        let mut bench = Bench::with(limits(sessions), 0, loops, true);
        let opened = (0..10).take_while(|_| more(&mut bench).is_some()).count();
        assert_eq!(opened, most, "{sessions} sessions on {loops} loops");
    }
}

#[test]
fn a_client_that_is_turned_away_hears_busy_and_when_to_try_again_and_its_connection_is_closed() {
    let mut bench = capped(1);
    bench.open();
    let conn = bench.connect();
    bench.say(conn, &Header::new(Kind::Hello), &hello(1).encode());
    assert!(!bench.core.wants_close(conn), "not before BUSY has left");
    let frames = bench.read(conn);
    assert_eq!(kinds(&frames), [Kind::Busy]);
    assert_eq!(frames[0].header.millis, 50);
    assert!(bench.core.wants_close(conn));
}

#[test]
fn the_oldest_detached_session_without_a_call_goes_first() {
    let mut bench = capped(3);
    let mut peers: Vec<Peer> = (0..3).map(|_| bench.open()).collect();
    for at in [1, 2, 0] {
        bench.cut(&peers[at]);
        bench.pass(secs(1));
    }
    assert!(more(&mut bench).is_some());
    assert!(!bench.resume(&mut peers[1]), "it was detached first");
    assert!(more(&mut bench).is_some());
    assert!(!bench.resume(&mut peers[2]));
    assert!(bench.resume(&mut peers[0]), "the last one is still there");
    let counters = bench.counters();
    assert_eq!((counters.turned_away, counters.expired, counters.lost), (2, 0, 2));
}

#[test]
fn nothing_is_evicted_while_there_is_room() {
    let mut bench = capped(3);
    let mut peer = bench.open();
    bench.cut(&peer);
    more(&mut bench).expect("room");
    more(&mut bench).expect("room");
    assert!(bench.resume(&mut peer));
}

#[test]
fn a_session_that_is_attached_is_never_evicted_although_it_was_detached_before() {
    let mut bench = capped(1);
    let mut peer = bench.open();
    bench.cut(&peer);
    assert!(bench.resume(&mut peer));
    assert!(more(&mut bench).is_none());
    bench.call(&peer, 0, 1);
    bench.run(1);
    assert_eq!(bench.read_replies(&peer).len(), 1);
}

#[test]
fn a_session_that_was_passed_over_while_attached_may_be_evicted_once_it_is_detached_again() {
    let mut bench = capped(1);
    let mut peer = bench.open();
    bench.cut(&peer);
    assert!(bench.resume(&mut peer));
    assert!(more(&mut bench).is_none());
    bench.cut(&peer);
    assert!(more(&mut bench).is_some());
    assert!(!bench.resume(&mut peer));
}

/// A way to use a session.
type Use = fn(&mut Bench, &Peer);

/// Uses the only session of a server, cuts it, and opens another one. Returns true if the used one is still there.
fn survives(act: Use, detached_before: bool) -> bool {
    let mut bench = capped(1);
    let mut peer = bench.open();
    if detached_before {
        bench.cut(&peer); // it is in the list of those that may be evicted
        assert!(bench.resume(&mut peer));
    }
    act(&mut bench, &peer);
    bench.cut(&peer);
    let is_full = more(&mut bench).is_none();
    assert_eq!(bench.resume(&mut peer), is_full);
    is_full
}

#[test]
fn a_session_whose_call_has_begun_or_waits_is_never_evicted_whatever_became_of_it() {
    let uses: [Use; 5] = [
        |bench, peer| bench.call(peer, 0, 1), // queued
        |bench, peer| {
            bench.call(peer, 0, 1);
            bench.begin(); // running
        },
        |bench, peer| bench.served(peer, 0, 1, PLAIN, 1), // kept
        |bench, peer| bench.served(peer, 0, 1, READ, 1),  // not kept
        |bench, peer| {
            bench.served(peer, 0, 1, PLAIN, 1);
            bench.ack(peer, 0, 1); // acknowledged
        },
    ];
    for (way, act) in uses.into_iter().enumerate() {
        for detached_before in [false, true] {
            assert!(survives(act, detached_before), "way {way}, detached before: {detached_before}");
        }
    }
}

#[test]
fn a_session_of_which_no_call_has_begun_makes_room_whatever_it_was_told() {
    let uses: [Use; 5] = [
        |_, _| {},
        |bench, peer| bench.cancel(peer, 0, 1), // before its call
        |bench, peer| bench.say(peer.conn, &call(0, 1, PLAIN), b""), // refused: no time left
        |bench, peer| {
            bench.call(peer, 0, 1);
            bench.cancel(peer, 0, 1); // while it waits
        },
        |bench, peer| bench.ack(peer, 3, 1), // of nothing
    ];
    for (way, act) in uses.into_iter().enumerate() {
        for detached_before in [false, true] {
            assert!(!survives(act, detached_before), "way {way}, detached before: {detached_before}");
        }
    }
}

#[test]
fn a_session_whose_waiting_call_is_refused_after_its_detachment_makes_room_from_then_on() {
    let mut bench = capped(1);
    let peer = bench.open();
    bench.say(peer.conn, &Header { millis: 10, ..call(0, 1, PLAIN) }, b"");
    bench.cut(&peer);
    assert!(more(&mut bench).is_none(), "its call waits");
    bench.pass(ms(10));
    assert!(bench.nothing_to_run(), "it is late, and refused");
    assert!(more(&mut bench).is_some());
}

#[test]
fn sessions_whose_calls_wait_are_passed_over_and_looked_at_again() {
    let mut bench = capped(9);
    let waiting: Vec<Peer> = (0..8).map(|_| bench.open()).collect();
    for peer in &waiting {
        bench.call(peer, 0, 1);
        bench.cut(peer);
    }
    let unused = bench.open();
    bench.cut(&unused);
    // As many looks as the bound has: the ninth session of the list is reached with the next HELLO.
    assert!(more(&mut bench).is_none());
    assert!(more(&mut bench).is_some());
    assert_eq!(bench.counters().sessions, 9);
}

#[test]
fn v10_a_source_has_as_many_sessions_as_its_cap_and_other_sources_are_not_its_concern() {
    let limits = ServerLimits { sessions_per_source: Some(2), ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let first = bench.try_open(from(1, 1), &hello(1)).expect("the first");
    let second = bench.try_open(from(1, 2), &hello(1)).expect("the second, from another port");
    assert!(bench.try_open(from(1, 3), &hello(1)).is_none(), "V19: its share is two");
    assert!(bench.try_open(from(2, 1), &hello(1)).is_some());
    assert!(bench.try_open(None, &hello(1)).is_some(), "no address, no share");
    bench.bye(&first);
    assert!(bench.try_open(from(1, 4), &hello(1)).is_some(), "one of its sessions has ended");
    assert!(bench.try_open(from(1, 5), &hello(1)).is_none());
    bench.served(&second, 0, 1, PLAIN, 1);
    bench.cut(&second);
    bench.pass(secs(60) - ms(1));
    assert!(bench.try_open(from(1, 6), &hello(1)).is_none(), "a detached session counts");
    bench.pass(ms(1));
    assert!(bench.try_open(from(1, 7), &hello(1)).is_some(), "it has expired");
}

#[test]
fn v19_a_source_over_its_share_makes_room_with_its_own_oldest_unused_session_and_no_other_ones() {
    let limits = ServerLimits { sessions_per_source: Some(2), sessions: 9, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let mut others = bench.try_open(from(2, 1), &hello(1)).expect("room");
    bench.cut(&others);
    let mut first = bench.try_open(from(1, 1), &hello(1)).expect("room");
    let mut second = bench.try_open(from(1, 2), &hello(1)).expect("room");
    assert!(bench.try_open(from(1, 3), &hello(1)).is_none(), "both are attached");
    bench.cut(&first);
    bench.cut(&second);
    assert!(bench.try_open(from(1, 4), &hello(1)).is_some());
    assert!(!bench.resume(&mut first), "it was the oldest");
    assert!(bench.resume(&mut second) && bench.resume(&mut others));
    assert_eq!((bench.counters().sessions, bench.counters().evicted), (3, 1));
    assert_eq!(bench.core.links.sessions.sources().sessions(Some([10, 0, 0, 1].into())), 2);
}

#[test]
fn v19_when_all_is_full_the_source_with_most_sessions_makes_room() {
    let limits = ServerLimits { sessions_per_source: Some(4), sessions: 6, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let mut few = bench.try_open(from(1, 1), &hello(1)).expect("room");
    bench.cut(&few);
    let mut many: Vec<Peer> =
        (0..4).map(|port| bench.try_open(from(2, port), &hello(1)).expect("room")).collect();
    many.iter().for_each(|peer| bench.cut(peer));
    bench.try_open(from(3, 1), &hello(1)).expect("the last place");
    assert!(bench.try_open(from(4, 1), &hello(1)).is_some());
    assert!(!bench.resume(&mut many[0]), "the oldest of the source that has most");
    assert!(bench.resume(&mut few), "although it was unused for longer");
}

#[test]
fn v19_without_a_number_a_source_has_a_quarter_of_all_sessions() {
    let opened = |limits: ServerLimits| {
        let mut bench = Bench::new(limits);
        (0..20).filter(|port| bench.try_open(from(1, *port), &hello(1)).is_some()).count()
    };
    let limits = |sessions| ServerLimits { sessions, ..ServerLimits::default() };
    assert_eq!([16, 17, 3, 1].map(|sessions| opened(limits(sessions))), [4, 5, 1, 1]);
    assert_eq!(opened(ServerLimits { sessions_per_source: Some(usize::MAX), ..limits(16) }), 16);
}

#[test]
fn a_cancel_in_each_session_of_one_address_does_not_lock_others_out() {
    let mut bench = capped(32);
    let mut opened = 0;
    for port in 0..200 {
        if let Some(peer) = bench.try_open(from(1, port), &hello(64)) {
            opened += 1;
            bench.cancel(&peer, 63, 1);
            bench.cut(&peer);
        }
    }
    assert_eq!((opened, bench.counters().sessions), (200, 8));
    assert!(bench.try_open(from(2, 1), &hello(1)).is_some());
}

#[test]
fn a_session_that_takes_the_place_of_an_unused_one_is_counted_as_an_eviction() {
    let mut bench = capped(1);
    for evicted in 1..4 {
        let peer = bench.open();
        assert_eq!(bench.counters().evicted, evicted - 1);
        bench.cut(&peer);
    }
}
