//! Rules of the lease: it runs from the last detachment, only while the session is detached, and not while a call waits or runs.

use super::*;
use crate::proto::tests::{LOOK, ms, secs};
use std::sync::atomic::Ordering;

fn sessions(bench: &Bench) -> usize {
    bench.counters().sessions
}

#[test]
fn v20_a_detached_session_ends_when_its_lease_is_over_and_not_a_moment_before() {
    let (mut bench, mut peer) = Bench::with_peer();
    bench.cut(&peer);
    bench.pass(secs(60) - ms(1));
    assert_eq!((sessions(&bench), bench.counters().expired), (1, 0));
    bench.pass(ms(1));
    assert_eq!((sessions(&bench), bench.counters().expired), (0, 1));
    assert!(!bench.resume(&mut peer), "an expired session is lost");
}

#[test]
fn v20_the_lease_follows_its_limit() {
    let mut bench = Bench::new(ServerLimits { lease: secs(7), ..ServerLimits::default() });
    let peer = bench.open();
    bench.cut(&peer);
    bench.pass(secs(7) - ms(1));
    assert_eq!(sessions(&bench), 1);
    bench.pass(ms(1));
    assert_eq!(sessions(&bench), 0);
}

#[test]
fn v20_the_lease_runs_from_the_last_detachment() {
    let (mut bench, mut peer) = Bench::with_peer();
    bench.cut(&peer);
    bench.pass(secs(40));
    assert!(bench.resume(&mut peer));
    bench.pass(secs(10));
    bench.cut(&peer); // 50 s after the first detachment, whose timer is still set
    bench.pass(secs(60) - ms(1));
    assert_eq!(sessions(&bench), 1, "110 s after the first detachment, 60 s less 1 ms after the second");
    bench.pass(ms(1));
    assert_eq!(sessions(&bench), 0);
}

#[test]
fn v20_an_attached_session_has_no_lease_and_the_next_detachment_begins_one() {
    let (mut bench, mut peer) = Bench::with_peer();
    bench.cut(&peer);
    bench.pass(secs(30));
    assert!(bench.resume(&mut peer));
    bench.pass(secs(600)); // the timer of the first detachment finds it attached
    assert_eq!(sessions(&bench), 1);
    bench.cut(&peer);
    bench.pass(secs(60) - ms(1));
    assert_eq!(sessions(&bench), 1);
    bench.pass(ms(1));
    assert_eq!(sessions(&bench), 0, "a lease that was looked at once is set again");
}

#[test]
fn v20_a_session_with_a_call_that_waits_or_runs_does_not_expire_and_ends_within_a_lease_afterwards() {
    for runs in [false, true] {
        let (mut bench, peer) = Bench::with_peer();
        bench.call(&peer, 0, 1);
        let key = runs.then(|| bench.begin().key);
        bench.cut(&peer);
        bench.pass(secs(300));
        assert_eq!(sessions(&bench), 1, "runs: {runs}");
        let key = key.unwrap_or_else(|| bench.begin().key);
        bench.finish(key, b"reply");
        bench.pass(secs(61));
        assert_eq!((sessions(&bench), bench.kept()), (0, 0), "runs: {runs}; V18: its bytes go with it");
    }
}

#[test]
fn a_refused_or_cancelled_call_does_not_hold_the_lease() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call(&peer, 0, 1);
    bench.cancel(&peer, 0, 1);
    bench.say(peer.conn, &call(1, 1, PLAIN), b""); // no time left
    bench.call(&peer, 2, 1);
    let key = bench.begin().key;
    bench.core.finish(key, refused(Reason::BadArguments), b"", bench.now);
    bench.say(peer.conn, &Header { millis: 5, ..call(3, 1, PLAIN) }, b"");
    bench.pass(ms(5));
    assert!(bench.nothing_to_run(), "its deadline has passed");
    bench.cut(&peer);
    bench.pass(secs(60));
    assert_eq!(sessions(&bench), 0);
}

#[test]
fn v20_every_way_to_lose_a_connection_begins_the_lease() {
    type Loss = fn(&mut Bench, &Peer);
    let losses: [Loss; 4] = [
        |bench, peer| bench.core.handle_closed(peer.conn, bench.now),
        |bench, peer| bench.core.remove(peer.conn, bench.now),
        |bench, peer| bench.say(peer.conn, &Header::for_call(Kind::Call, 99, 1), b""), // rejected
        |bench, peer| {
            bench.say(peer.conn, &Header::new(Kind::Ping), b"");
            bench.core.handle_written(peer.conn, 1, bench.now); // and no byte more: cut after 30 s
            bench.pass(secs(30));
        },
    ];
    for (way, lose) in losses.into_iter().enumerate() {
        let (mut bench, peer) = Bench::with_peer();
        lose(&mut bench, &peer);
        bench.pass(secs(60) - ms(1));
        assert_eq!(sessions(&bench), 1, "way {way}");
        bench.pass(ms(1));
        assert_eq!(sessions(&bench), 0, "way {way}");
    }
}

#[test]
fn when_a_session_ends_its_running_calls_are_told_and_its_queued_ones_do_not_run() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call_of(&peer, 0, 1, LOOK, b"");
    let running = bench.begin();
    bench.call(&peer, 1, 1);
    bench.bye(&peer);
    assert!(bench.core.wants_close(peer.conn), "its connection goes with it");
    assert!(running.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)));
    assert!(bench.nothing_to_run());
    bench.finish(running.key, b"late");
    assert_eq!(bench.counters().results_without_session, 1);
    assert_eq!((bench.counters().running, bench.counters().queued, sessions(&bench)), (0, 0, 0));
}
