//! Rules of the caps on sessions: in all, by source, by loop; and which session goes when there is no room.

use super::*;
use crate::proto::tests::{ms, secs};
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

#[test]
fn a_session_whose_call_was_admitted_is_never_evicted_whatever_became_of_it() {
    type Use = fn(&mut Bench, &Peer);
    let uses: [Use; 6] = [
        |bench, peer| bench.call(peer, 0, 1), // queued
        |bench, peer| {
            bench.call(peer, 0, 1);
            bench.begin(); // running
        },
        |bench, peer| bench.served(peer, 0, 1, PLAIN, 1), // kept
        |bench, peer| {
            bench.served(peer, 0, 1, PLAIN, 1);
            bench.ack(peer, 0, 1); // acknowledged
        },
        |bench, peer| bench.say(peer.conn, &call(0, 1, PLAIN), b""), // refused: no time left
        |bench, peer| {
            bench.call(peer, 0, 1);
            bench.cancel(peer, 0, 1);
        },
    ];
    for (way, act) in uses.into_iter().enumerate() {
        for detached_before in [false, true] {
            let mut bench = capped(1);
            let mut peer = bench.open();
            if detached_before {
                bench.cut(&peer); // it is in the list of those that may be evicted
                assert!(bench.resume(&mut peer));
            }
            act(&mut bench, &peer);
            bench.cut(&peer);
            assert!(more(&mut bench).is_none(), "way {way}, detached before: {detached_before}");
            assert!(bench.resume(&mut peer), "way {way}, detached before: {detached_before}");
        }
    }
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
    bench.cut(&second);
    bench.pass(secs(60) - ms(1));
    assert!(bench.try_open(from(1, 6), &hello(1)).is_none(), "a detached session counts");
    bench.pass(ms(1));
    assert!(bench.try_open(from(1, 7), &hello(1)).is_some(), "it has expired");
}

#[test]
fn v19_a_source_over_its_share_evicts_no_session_and_an_evicted_one_counts_no_longer() {
    let limits = ServerLimits { sessions_per_source: Some(1), sessions: 2, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let mut unused = bench.try_open(from(1, 1), &hello(1)).expect("room");
    bench.cut(&unused);
    bench.try_open(from(2, 1), &hello(1)).expect("room");
    assert!(bench.try_open(from(2, 2), &hello(1)).is_none());
    assert!(bench.resume(&mut unused), "the source that is over its share took no place");
    bench.cut(&unused);
    assert!(bench.try_open(from(3, 1), &hello(1)).is_some(), "takes the place of the unused one");
    assert_eq!(bench.counters().sessions, 2);
    assert_eq!(bench.core.links.sessions.of_source(IpAddr::from([10, 0, 0, 1])), 0);
}

#[test]
fn without_a_cap_by_source_one_source_may_have_all_sessions() {
    let mut bench = capped(5);
    let opened = (0..10).filter(|port| bench.try_open(from(1, *port), &hello(1)).is_some()).count();
    assert_eq!(opened, 5);
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
