//! Rules of a handler that gives its call up: the status that its client knows, and the reply that is kept.

use super::*;
use crate::proto::tests::READ;
use crate::wire::message::FEATURE_GIVEN_UP;

/// A server with one session, with these features.
fn bench_with(features: u32) -> (Bench, Peer) {
    let mut bench = Bench::plain();
    let peer = bench.try_open(None, &Hello { features, ..hello(SLOTS) }).expect("there is room");
    (bench, peer)
}

/// Begins the next call, and gives it up.
fn give_up(bench: &mut Bench) {
    let key = bench.begin().key;
    bench.core.finish(key, Status::GivenUp, b"text", bench.now);
    bench.check();
}

#[test]
fn v5_a_call_that_was_given_up_is_final_and_its_duplicates_find_the_same() {
    let (mut bench, mut peer) = bench_with(FEATURE_GIVEN_UP);
    bench.call(&peer, 0, 1);
    give_up(&mut bench);
    for _ in 0..2 {
        let frames = bench.read(peer.conn);
        assert_eq!((replies(&frames), &frames[0].body[..]), (vec![(0, 1, Status::GivenUp)], &b"text"[..]));
        assert!(bench.resume(&mut peer));
        bench.call(&peer, 0, 1);
    }
    assert!(bench.nothing_to_run(), "V1: it began once");
    assert_eq!((bench.counters().given_up, bench.counters().panics), (1, 0));
    bench.cancel(&peer, 0, 1);
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::GivenUp)], "one, since the other is unsent");
}

#[test]
fn a_client_that_does_not_know_the_status_is_told_that_the_handler_panicked() {
    let (mut bench, peer) = bench_with(0);
    bench.call(&peer, 0, 1);
    give_up(&mut bench);
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Panicked)]);
    bench.call(&peer, 0, 1);
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Panicked)]);
    assert_eq!((bench.counters().given_up, bench.counters().panics), (1, 0));
}

#[test]
fn an_idempotent_call_that_was_given_up_is_not_kept() {
    let (mut bench, peer) = bench_with(FEATURE_GIVEN_UP);
    bench.call_of(&peer, 0, 1, READ, b"arguments");
    give_up(&mut bench);
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::GivenUp)]);
    bench.call_of(&peer, 0, 1, READ, b"arguments");
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::ReplyLost)]);
}
