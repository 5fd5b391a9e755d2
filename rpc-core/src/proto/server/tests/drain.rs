//! Rules of the drain: the clients that it tells, the calls that it refuses, the replies that it waits for, and its end.

use super::*;
use crate::proto::tests::{ms, secs};

/// The drain looks at least this often, so an end may come so much late.
const LOOK: Duration = Duration::from_millis(20);

fn draining(bench: &mut Bench) {
    bench.core.start_drain(bench.now);
}

/// Passes time until the drain is done, and says how long that took; `None`: not within two minutes.
fn until_drained(bench: &mut Bench) -> Option<Duration> {
    let begin = bench.now;
    while bench.now.since(begin) < secs(120) {
        if bench.core.is_drained() {
            return Some(bench.now.since(begin));
        }
        bench.pass(ms(1));
    }
    None
}

fn ends_within(bench: &mut Bench, least: Duration, most: Duration) {
    let took = until_drained(bench).expect("V16: a drain ends");
    assert!(took >= least && took <= most, "V20: {took:?} is outside {least:?}..{most:?}");
}

fn ends_by_grace(bench: &mut Bench, forced: bool) {
    ends_within(bench, secs(30), secs(30) + LOOK);
    assert_eq!(bench.core.was_forced(), forced);
}

#[test]
fn a_server_that_is_not_draining_is_not_drained() {
    let mut bench = Bench::plain();
    bench.pass(secs(100));
    assert!(!bench.core.is_drained() && !bench.core.was_forced());
}

#[test]
fn v20_a_server_without_open_replies_is_drained_at_once() {
    let mut bench = Bench::plain();
    let (unused, acknowledged, detached) = (bench.open(), bench.open(), bench.open());
    bench.served(&acknowledged, 0, 1, PLAIN, 1);
    bench.ack(&acknowledged, 0, 1);
    bench.served(&detached, 2, 1, PLAIN, 1);
    bench.ack(&detached, 2, 1);
    bench.cut(&detached);
    draining(&mut bench);
    assert_eq!(kinds(&bench.read(unused.conn)), [Kind::GoAway]);
    ends_within(&mut bench, Duration::ZERO, LOOK);
    assert!(!bench.core.was_forced());
}

#[test]
fn v20_replies_that_were_written_and_not_acknowledged_are_waited_for_two_seconds() {
    let (mut bench, peer) = Bench::with_reply();
    draining(&mut bench);
    bench.read(peer.conn);
    ends_within(&mut bench, secs(2), secs(2) + LOOK);
    assert!(!bench.core.was_forced());
}

#[test]
fn the_linger_follows_its_limit_and_an_acknowledgement_ends_it() {
    let limits = ServerLimits { drain_linger: secs(5), ..ServerLimits::default() };
    for acknowledges in [false, true] {
        let mut bench = Bench::new(limits.clone());
        let peer = bench.open();
        bench.served(&peer, 0, 1, PLAIN, 1);
        draining(&mut bench);
        bench.read(peer.conn);
        bench.pass(secs(1));
        if acknowledges {
            bench.ack(&peer, 0, 1);
            ends_within(&mut bench, Duration::ZERO, LOOK);
        } else {
            ends_within(&mut bench, secs(4) - LOOK, secs(4) + LOOK);
        }
    }
}

#[test]
fn v20_a_detached_session_with_a_reply_that_was_not_fetched_holds_the_drain_for_a_time_of_its_own() {
    // Detached long before the drain, and in the midst of it: the time counts from the later of the two.
    for (before, after) in [(secs(10), Duration::ZERO), (Duration::ZERO, secs(3))] {
        let (mut bench, peer) = Bench::with_reply();
        if after.is_zero() {
            bench.cut(&peer);
        }
        bench.pass(before);
        draining(&mut bench);
        if !after.is_zero() {
            bench.pass(after); // its replies are unsent, so it is waited for
            bench.cut(&peer);
        }
        ends_within(&mut bench, secs(5) - LOOK, secs(5) + LOOK);
        assert!(!bench.core.was_forced());
    }
}

#[test]
fn the_time_of_a_detached_session_follows_its_limit_and_the_grace_time_ends_it() {
    for (detached, grace, end) in [(secs(1), secs(30), secs(1)), (secs(20), secs(8), secs(8))] {
        let limits = ServerLimits { drain_detached: detached, grace, ..ServerLimits::default() };
        let mut bench = Bench::new(limits);
        let peer = bench.open();
        bench.served(&peer, 0, 1, PLAIN, 1);
        bench.cut(&peer);
        draining(&mut bench);
        ends_within(&mut bench, end, end + LOOK);
        assert!(!bench.core.was_forced());
    }
}

#[test]
fn a_call_of_a_detached_session_is_waited_for_until_the_grace_time_and_then_its_reply_is() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call(&peer, 0, 1);
    let key = bench.begin().key;
    bench.cut(&peer);
    draining(&mut bench);
    bench.pass(secs(20));
    assert!(!bench.core.is_drained());
    bench.finish(key, b"r");
    // Its client could have come back all the while. It asks for the reply at least every two seconds.
    ends_within(&mut bench, Duration::ZERO, LOOK);
}

#[test]
fn a_detached_session_that_fetches_its_reply_during_the_drain_gets_it_and_ends_the_wait() {
    let (mut bench, mut peer) = Bench::with_reply();
    bench.cut(&peer);
    draining(&mut bench);
    bench.pass(secs(4));
    assert!(!bench.core.is_drained());
    assert!(bench.resume(&mut peer));
    bench.call(&peer, 0, 1);
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Done)]);
    bench.ack(&peer, 0, 1);
    ends_within(&mut bench, Duration::ZERO, LOOK);
}

#[test]
fn one_session_that_is_quiet_does_not_end_the_drain_for_another_that_is_not() {
    let mut bench = Bench::plain();
    let (detached, quiet) = (bench.open(), bench.open());
    for peer in [&detached, &quiet] {
        bench.served(peer, 0, 1, PLAIN, 1);
    }
    bench.cut(&detached);
    draining(&mut bench);
    bench.read(quiet.conn);
    ends_within(&mut bench, secs(5), secs(5) + LOOK); // and not two seconds more: both times run at once
}

#[test]
fn a_reply_that_is_still_unsent_holds_the_drain_and_the_linger_begins_when_it_has_left() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call(&peer, 0, 1);
    bench.run(10);
    draining(&mut bench);
    bench.pass(secs(10));
    assert!(!bench.core.is_drained());
    bench.read(peer.conn);
    ends_within(&mut bench, secs(2) - LOOK, secs(2) + LOOK);
}

#[test]
fn the_linger_begins_anew_when_something_is_unsent_again() {
    let (mut bench, peer) = Bench::with_reply();
    draining(&mut bench);
    bench.read(peer.conn);
    bench.pass(ms(1900));
    bench.call(&peer, 0, 1); // its reply was lost; that to the duplicate waits to be written
    bench.pass(ms(500));
    assert!(!bench.core.is_drained());
    bench.read(peer.conn);
    ends_within(&mut bench, secs(2) - LOOK, secs(2) + LOOK);
}

#[test]
fn a_call_that_runs_is_waited_for_and_then_its_reply_is() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call(&peer, 0, 1);
    let key = bench.begin().key;
    draining(&mut bench);
    bench.read(peer.conn);
    bench.pass(secs(20));
    assert!(!bench.core.is_drained());
    bench.finish(key, b"r");
    bench.pass(ms(100));
    assert!(!bench.core.is_drained(), "its reply waits to be written");
    bench.read(peer.conn);
    ends_within(&mut bench, secs(2) - LOOK, secs(2) + LOOK);
}

#[test]
fn a_call_that_was_queued_before_the_drain_runs_in_it() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call(&peer, 0, 1);
    draining(&mut bench);
    bench.pass(secs(5));
    assert!(!bench.core.is_drained());
    bench.run(1);
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Done)]);
    bench.ack(&peer, 0, 1);
    ends_within(&mut bench, Duration::ZERO, LOOK);
}

#[test]
fn v20_after_the_grace_time_the_drain_ends_by_force_and_says_so() {
    for runs in [false, true] {
        let (mut bench, peer) = Bench::with_peer();
        bench.call(&peer, 0, 1);
        if runs {
            bench.begin();
        }
        draining(&mut bench);
        bench.read(peer.conn);
        ends_by_grace(&mut bench, true);
        let refusal = vec![(0, 1, refused(Reason::Draining))];
        assert_eq!(bench.read_replies(&peer), if runs { vec![] } else { refusal }, "runs: {runs}");
        assert!(bench.nothing_to_run());
        assert_eq!(bench.counters().queued, 0);
    }
}

#[test]
fn a_queued_call_that_was_cancelled_is_not_refused_a_second_time_by_force() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call(&peer, 0, 1);
    bench.call(&peer, 1, 1); // it waits until the drain ends by force
    bench.cancel(&peer, 0, 1);
    draining(&mut bench);
    bench.read(peer.conn);
    ends_by_grace(&mut bench, true);
    assert_eq!(bench.counters().refused, 2);
    assert_eq!(bench.read_replies(&peer), [(1, 1, refused(Reason::Draining))]);
    assert!(bench.read_replies(&peer).is_empty());
}

#[test]
fn a_drain_may_be_told_to_end_sooner_and_never_later_and_wakes_for_it() {
    for (first, second, end) in [(secs(30), secs(10), secs(10)), (secs(10), secs(30), secs(10))] {
        let (mut bench, peer) = Bench::with_peer();
        bench.call(&peer, 0, 1);
        bench.core.drain_within(first, bench.now);
        bench.core.drain_within(second, bench.now);
        ends_within(&mut bench, end, end + LOOK);
    }
    let (mut bench, peer) = Bench::with_peer();
    bench.call(&peer, 0, 1);
    bench.core.drain_within(secs(30), bench.now);
    bench.pass(secs(1));
    bench.core.drain_within(Duration::ZERO, bench.now);
    ends_within(&mut bench, Duration::ZERO, ms(1));
}

#[test]
fn every_attached_client_is_told_once_and_one_that_has_not_greeted_may_still_resume() {
    let mut bench = Bench::plain();
    let (first, mut second) = (bench.open(), bench.open());
    let stranger = bench.connect();
    draining(&mut bench);
    draining(&mut bench);
    for peer in [&first, &second] {
        assert_eq!(kinds(&bench.read(peer.conn)), [Kind::GoAway]);
        assert!(!bench.core.wants_close(peer.conn));
    }
    assert!(!bench.core.wants_close(stranger) && bench.unsent(stranger).is_empty());
    assert_eq!(kinds(&bench.greet(stranger, &resuming(&second))), [Kind::Welcome, Kind::GoAway]);
    second.conn = stranger;
    bench.ack(&second, 0, 1); // nothing is there to acknowledge: the connection works
}

#[test]
fn a_draining_server_opens_no_session_resumes_old_ones_and_says_goaway_after_each_welcome() {
    let (mut bench, peer) = Bench::with_reply();
    draining(&mut bench);
    let conn = bench.connect();
    assert_eq!(kinds(&bench.greet(conn, &hello(1))), [Kind::Busy]);
    assert!(bench.core.wants_close(conn));
    assert_eq!(bench.counters().turned_away, 1);
    let conn = bench.connect();
    assert_eq!(kinds(&bench.greet(conn, &resuming(&peer))), [Kind::Welcome, Kind::GoAway]);
    assert_eq!(kinds(&bench.greet(conn, &resuming(&peer))), [Kind::Welcome, Kind::GoAway], "HELLO again");
}

#[test]
fn a_call_refused_by_the_drain_is_a_reply_that_is_waited_for() {
    let (mut bench, peer) = Bench::with_peer();
    draining(&mut bench);
    bench.call(&peer, 0, 1);
    assert_eq!(bench.read_replies(&peer), [(0, 1, refused(Reason::Draining))]);
    bench.pass(secs(1));
    assert!(!bench.core.is_drained());
    bench.ack(&peer, 0, 1);
    ends_within(&mut bench, Duration::ZERO, LOOK);
}

#[test]
fn bye_of_the_last_client_ends_the_drain() {
    let (mut bench, peer) = Bench::with_reply();
    draining(&mut bench);
    bench.pass(secs(1));
    assert!(!bench.core.is_drained());
    bench.bye(&peer);
    ends_within(&mut bench, Duration::ZERO, LOOK);
}

#[test]
fn a_drain_that_is_done_stays_done_and_sets_no_timer() {
    let mut bench = Bench::plain();
    draining(&mut bench);
    bench.pass(ms(20));
    assert!(bench.core.is_drained());
    assert!(bench.core.poll_timeout().is_none_or(|due| due == Time::NEVER));
}

#[test]
fn the_linger_does_not_run_while_a_call_does() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call(&peer, 0, 1);
    let key = bench.begin().key;
    draining(&mut bench);
    bench.read(peer.conn);
    bench.pass(secs(10)); // nothing is unsent all the while
    bench.finish(key, b"r");
    bench.read(peer.conn); // written before the drain looks again
    ends_within(&mut bench, secs(2) - LOOK, secs(2) + LOOK);
}

#[test]
fn a_call_that_outlives_its_session_is_waited_for() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call(&peer, 0, 1);
    let key = bench.begin().key;
    bench.bye(&peer);
    draining(&mut bench);
    bench.pass(secs(5));
    assert!(!bench.core.is_drained());
    bench.finish(key, b"late");
    ends_within(&mut bench, Duration::ZERO, LOOK);
}

#[test]
fn v20_a_grace_time_that_is_no_multiple_of_the_looks_ends_on_time() {
    for grace in [ms(1), ms(10), ms(30), ms(101)] {
        let (mut bench, peer) = Bench::with_peer();
        bench.call(&peer, 0, 1);
        bench.core.drain_within(grace, bench.now);
        ends_within(&mut bench, grace, grace);
    }
}
