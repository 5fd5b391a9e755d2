//! Rules of a call that its service denies: it did not run, its record says so, and the status that its client knows.

use super::*;
use crate::wire::message::FEATURE_DENIED;

/// A server with one session, with these features, which has denied the session's first call.
fn denied(features: u32) -> (Bench, Peer) {
    let mut bench = Bench::plain();
    let peer = bench.try_open(None, &Hello { features, ..hello(SLOTS) }).expect("there is room");
    bench.call(&peer, 0, 1);
    let key = bench.begin().key;
    bench.core.finish(key, refused(Reason::Denied), b"text", bench.now);
    bench.check();
    (bench, peer)
}

#[test]
fn v7_a_denied_call_never_runs_and_its_duplicates_are_told_the_same() {
    let (mut bench, mut peer) = denied(FEATURE_DENIED);
    let frames = bench.read(peer.conn);
    assert_eq!(
        (replies(&frames), &frames[0].body[..]),
        (vec![(0, 1, refused(Reason::Denied))], &b"text"[..])
    );
    assert_eq!(frames[0].header.millis, 0, "no pause is suggested, since trying again is of no use");
    for _ in 0..2 {
        assert!(bench.resume(&mut peer));
        bench.call(&peer, 0, 1);
        assert_eq!(bench.read_replies(&peer), [(0, 1, refused(Reason::Denied))]);
    }
    bench.cancel(&peer, 0, 1);
    assert_eq!(bench.read_replies(&peer), [(0, 1, refused(Reason::Denied))]);
    assert!(bench.nothing_to_run(), "V7: it was refused for good");
    assert_eq!((bench.counters().denied, bench.counters().refused), (1, 1));
    bench.served(&peer, 0, 2, PLAIN, 1);
}

#[test]
fn a_client_that_does_not_know_the_status_is_told_another_one_that_says_it_did_not_run() {
    let (mut bench, peer) = denied(0);
    assert_eq!(bench.read_replies(&peer), [(0, 1, refused(Reason::BadArguments))]);
    bench.call(&peer, 0, 1);
    assert_eq!(bench.read_replies(&peer), [(0, 1, refused(Reason::BadArguments))]);
    assert_eq!(bench.counters().denied, 1);
}
