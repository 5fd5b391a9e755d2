//! Rules of calls that are held: their bound and its shares, what their holders are told, and the end of a drain.

use std::sync::atomic::Ordering;

use super::*;
use crate::proto::tests::{LATER, LOOK, ms};
use crate::wire::message::FEATURE_GIVEN_UP;

/// A server that holds at most so many calls.
fn bench_with(held: usize) -> Bench {
    Bench::new(ServerLimits { held, ..ServerLimits::default() })
}

/// Calls a method that replies later, with this time left, and begins it.
fn hold(bench: &mut Bench, peer: &Peer, slot: Slot, millis: u32) -> ReadyCall {
    bench.say(peer.conn, &Header { millis, ..call(slot, 1, LATER) }, b"arguments");
    let ready = bench.begin();
    bench.check();
    ready
}

fn is_told(ready: &ReadyCall) -> bool {
    ready.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

#[test]
fn v10_a_call_without_a_place_is_refused_before_it_begins_and_others_run() {
    let mut bench = bench_with(4); // a session alone has half of them
    let peer = bench.open();
    let first = hold(&mut bench, &peer, 0, 1000);
    hold(&mut bench, &peer, 1, 1000);
    bench.call_of(&peer, 2, 1, LATER, b"arguments");
    assert!(bench.nothing_to_run());
    assert_eq!(bench.read_replies(&peer), [(2, 1, refused(Reason::Busy))]);
    bench.served(&peer, 2, 2, LOOK, 1);
    assert_eq!((bench.counters().held, bench.counters().running), (2, 2));
    bench.finish(first.key, b"reply");
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Done)]);
    hold(&mut bench, &peer, 3, 1000);
    assert_eq!(bench.counters().held, 2);
}

#[test]
fn v19_beyond_half_of_the_places_each_session_has_an_equal_share_and_a_new_one_finds_a_place() {
    let mut bench = bench_with(8);
    let (greedy, other) = (bench.open(), bench.open());
    for slot in 0..3 {
        hold(&mut bench, &greedy, slot, 1000);
    }
    let more = bench.open();
    for slot in 0..2 {
        hold(&mut bench, &more, slot, 1000);
    }
    // Five are held by two sessions: beyond four, a session may have two of the other four places.
    bench.call_of(&more, 2, 1, LATER, b"arguments");
    assert!(bench.nothing_to_run(), "it has its share");
    assert_eq!(bench.read_replies(&more), [(2, 1, refused(Reason::Busy))]);
    hold(&mut bench, &other, 0, 1000);
    assert_eq!(bench.counters().held, 6);
}

#[test]
fn a_holder_is_told_at_the_deadline_by_a_cancel_and_when_its_session_ends() {
    let mut bench = Bench::plain();
    let (peer, other) = (bench.open(), bench.open());
    let (short, cancelled, rest) =
        (hold(&mut bench, &peer, 0, 100), hold(&mut bench, &peer, 1, 1000), hold(&mut bench, &other, 0, 900));
    bench.pass(ms(99));
    assert!(!is_told(&short));
    bench.pass(ms(1));
    assert!(is_told(&short) && !is_told(&cancelled) && !is_told(&rest));
    bench.cancel(&peer, 1, 1);
    assert!(is_told(&cancelled) && !is_told(&rest));
    bench.bye(&other);
    assert!(is_told(&rest));
    assert_eq!(bench.counters().held, 2, "its session has ended");
    bench.finish(rest.key, b"late");
    bench.finish(short.key, b"late");
    bench.finish(cancelled.key, b"late");
    assert_eq!((bench.counters().held, bench.counters().running), (0, 0));
    assert_eq!(bench.counters().results_without_session, 1);
}

#[test]
fn v18_a_call_that_ends_before_its_deadline_leaves_no_timer() {
    let (mut bench, peer) = Bench::with_peer();
    bench.pass(Duration::from_secs(10)); // the timer of HELLO
    for seq in 1..=100 {
        bench.call_of(&peer, 0, seq, LATER, b"arguments");
        bench.run(1);
        bench.read_replies(&peer);
    }
    assert_eq!(bench.core.poll_timeout(), None);
}

#[test]
fn v12_a_call_that_is_held_when_a_drain_is_over_is_given_up_once() {
    let mut bench = Bench::plain();
    let peer =
        bench.try_open(None, &Hello { features: FEATURE_GIVEN_UP, ..hello(SLOTS) }).expect("there is room");
    let (held, runs) = (hold(&mut bench, &peer, 0, 600_000), hold(&mut bench, &peer, 1, 600_000));
    bench.core.hold(held.key, bench.now);
    bench.core.drain_within(ms(500), bench.now);
    bench.pass(ms(499));
    assert!(!bench.core.is_drained() && !is_told(&held), "it counts as a call that runs");
    bench.read(peer.conn);
    bench.pass(ms(1));
    assert!(bench.core.is_drained() && is_told(&held) && !is_told(&runs));
    assert_eq!(
        bench.read_replies(&peer),
        [(0, 1, Status::GivenUp)],
        "a handler that has not returned is left behind"
    );
    bench.finish(held.key, b"late");
    assert!(bench.read_replies(&peer).is_empty());
    assert_eq!((bench.counters().held, bench.counters().running), (1, 1));
}

#[test]
fn v12_what_ends_a_server_tells_the_calls_that_run_and_those_that_are_held() {
    let (mut bench, peer) = Bench::with_peer();
    let (held, runs) = (hold(&mut bench, &peer, 0, 600_000), hold(&mut bench, &peer, 1, 600_000));
    bench.core.hold(held.key, bench.now);
    assert!(!is_told(&held) && !is_told(&runs));
    bench.core.leave_behind();
    assert!(is_told(&held) && is_told(&runs));
}
