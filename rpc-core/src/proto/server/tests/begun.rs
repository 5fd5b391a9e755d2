//! Rules about frames that have begun: they go on in time, their room has a budget, and idle connections make room.

use super::*;
use crate::error::ProtocolError;
use crate::limits::{FRAME_LEAST, HEADER};
use crate::proto::tests::{encoded, ms, secs};

/// The bytes of a CALL with a body of this length.
fn long_call(slot: Slot, seq: Seq, length: usize) -> Vec<u8> {
    encoded(&Header { millis: 600_000, ..call(slot, seq, PLAIN) }, &vec![1; length]).to_vec()
}

fn push(bench: &mut Bench, peer: &Peer, bytes: &[u8]) {
    bench.core.handle_input(peer.conn, bytes.to_vec().into(), bench.now);
    bench.check();
}

fn is_cut(bench: &Bench, peer: &Peer) -> bool {
    bench.core.links.connections.get(peer.conn).is_none_or(|connection| !connection.is_open())
}

/// Asserts that the connection is rejected as too slow, and that its session lives.
fn is_too_slow(bench: &mut Bench, peer: &mut Peer) {
    let frames = bench.read(peer.conn);
    assert_eq!(frames.last().map(|f| &f.body[..]), Some(ProtocolError::TooSlow.to_string().as_bytes()));
    assert!(bench.core.wants_close(peer.conn));
    assert_eq!((bench.counters().slow_frames, bench.counters().protocol_errors), (1, 0));
    assert!(bench.resume(peer), "its session lives");
}

/// Asserts that the connection may rest for 5 s from now on, and no longer.
fn has_5_s_from_now(bench: &mut Bench, peer: &mut Peer) {
    bench.pass(secs(5) - ms(1));
    assert!(!is_cut(bench, peer));
    bench.pass(ms(1));
    is_too_slow(bench, peer);
}

#[test]
fn v20_a_frame_that_does_not_go_on_is_given_5_s_and_no_more() {
    for begun in [1, 4, 20, HEADER, 100, 90_000] {
        let (mut bench, mut peer) = Bench::with_peer();
        let frame = long_call(0, 1, 100_000);
        push(&mut bench, &peer, &frame[..begun]);
        has_5_s_from_now(&mut bench, &mut peer);
    }
}

#[test]
fn v20_a_frame_that_brings_5_kib_in_5_s_goes_on_for_ever_and_one_byte_less_is_too_slow() {
    let (mut bench, mut peer) = Bench::with_peer();
    let frame = long_call(0, 1, 300_000);
    let step = FRAME_LEAST as usize;
    push(&mut bench, &peer, &frame[..10]);
    let mut sent = 10;
    for _ in 0..20 {
        bench.pass(secs(4));
        assert!(!is_cut(&bench, &peer), "after {sent} bytes");
        push(&mut bench, &peer, &frame[sent..sent + step]);
        sent += step;
    }
    bench.pass(secs(4));
    push(&mut bench, &peer, &frame[sent..sent + step - 1]);
    bench.pass(secs(1));
    is_too_slow(&mut bench, &mut peer);
}

#[test]
fn v20_a_long_frame_that_stops_is_given_5_s_from_its_last_bytes() {
    let (mut bench, mut peer) = Bench::with_peer();
    let frame = long_call(0, 1, 300_000);
    push(&mut bench, &peer, &frame[..100_000]);
    bench.pass(secs(2));
    push(&mut bench, &peer, &frame[100_000..300_000]);
    has_5_s_from_now(&mut bench, &mut peer);
}

#[test]
fn v20_the_time_of_a_frame_begins_with_it_and_not_with_the_timer_of_the_one_before() {
    let (mut bench, mut peer) = Bench::with_peer();
    let frame = long_call(0, 1, 100);
    push(&mut bench, &peer, &frame[..50]);
    bench.pass(ms(4_900));
    let next = long_call(1, 1, 100);
    push(&mut bench, &peer, &[&frame[50..], &next[..50]].concat());
    has_5_s_from_now(&mut bench, &mut peer);
}

#[test]
fn v20_a_client_that_ends_each_write_inside_a_frame_is_never_too_slow_and_has_one_timer() {
    let (mut bench, peer) = Bench::with_peer();
    let mut rest = Vec::new();
    for seq in 1..=2000 {
        let frame = encoded(&Header { millis: 600_000, ..call(0, seq, PLAIN) }, b"arguments");
        rest.extend_from_slice(&frame);
        let now: Vec<u8> = rest.drain(..rest.len() - 10).collect();
        push(&mut bench, &peer, &now);
        if let Some(ready) = bench.core.poll_call(bench.now) {
            bench.finish(ready.key, b"");
            bench.read(peer.conn);
        }
        bench.pass(ms(20));
    }
    assert_eq!(bench.counters().slow_frames, 0);
    assert!(bench.core.links.timers.due.len() <= 3, "{}", bench.core.links.timers.due.len());
}

#[test]
fn v20_a_body_that_is_skipped_must_go_on_too() {
    let mut bench = Bench::new(ServerLimits { max_frame: 1000, ..ServerLimits::default() });
    let mut peer = bench.open();
    let frame = long_call(0, 1, 15_000);
    push(&mut bench, &peer, &frame[..5_000]);
    bench.pass(secs(5));
    is_too_slow(&mut bench, &mut peer);
    push(&mut bench, &peer, &frame);
    bench.pass(secs(60));
    assert!(!is_cut(&bench, &peer), "it was skipped to its end");
}

#[test]
fn v20_a_connection_that_is_not_read_on_purpose_is_not_blamed_for_its_frame() {
    let mut bench = Bench::new(ServerLimits { unsent_pause: 500, ..ServerLimits::default() });
    let mut peer = bench.open();
    bench.call(&peer, 0, 1);
    let frame = long_call(1, 1, 100_000);
    push(&mut bench, &peer, &frame[..10]);
    bench.run(1000); // its reply is not written: the connection is not read
    for _ in 0..5 {
        bench.pass(secs(4));
        bench.core.handle_written(peer.conn, 1, bench.now);
        assert!(!is_cut(&bench, &peer));
    }
    let left = bench.unsent(peer.conn).len();
    bench.core.handle_written(peer.conn, left, bench.now);
    bench.pass(secs(5) - ms(1)); // read again, for less than its time
    assert!(!is_cut(&bench, &peer));
    bench.pass(secs(6));
    is_too_slow(&mut bench, &mut peer);
}

#[test]
fn v20_a_server_that_stood_still_blames_no_client() {
    let (mut bench, mut peer) = Bench::with_peer();
    push(&mut bench, &peer, &long_call(0, 1, 100)[..50]);
    bench.now = bench.now.plus(secs(60));
    bench.core.handle_timeout(bench.now);
    assert!(!is_cut(&bench, &peer), "the rest may wait in the kernel");
    bench.pass(secs(5));
    is_too_slow(&mut bench, &mut peer);
}

#[test]
fn the_timer_of_a_begun_frame_does_not_cut_a_later_connection_of_the_same_number() {
    let (mut bench, peer) = Bench::with_peer();
    push(&mut bench, &peer, &[1]);
    bench.pass(secs(3));
    bench.cut(&peer);
    let mut next = bench.open();
    assert_eq!(next.conn, peer.conn);
    push(&mut bench, &next, &[200]);
    bench.pass(secs(3));
    assert!(!is_cut(&bench, &next), "its own time is not over");
    bench.pass(secs(2));
    is_too_slow(&mut bench, &mut next);
}

#[test]
fn v10_the_room_of_begun_frames_stays_within_the_budget_and_the_longest_silent_connection_is_cut_first() {
    let limits = ServerLimits { frames_budget: 1_000_000, max_frame: 400_000, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let frame = long_call(0, 1, 300_000);
    let mut peers: Vec<Peer> = (0..4).map(|_| bench.open()).collect();
    let small = bench.open();
    push(&mut bench, &small, &frame[..10]);
    for peer in &peers[..3] {
        push(&mut bench, peer, &frame[..200_000]); // room for 300,036
        push(&mut bench, peer, &frame[200_000..250_000]);
        bench.pass(ms(1));
    }
    push(&mut bench, &peers[0], &frame[250_000..250_001]); // the first one goes on
    bench.pass(ms(1));
    assert_eq!(bench.counters().frames_cut, 0);
    push(&mut bench, &peers[3], &frame[..200_000]);
    let cut: Vec<bool> = peers.iter().map(|peer| bench.core.wants_close(peer.conn)).collect();
    assert_eq!(cut, [false, true, false, false]);
    assert!(!bench.core.wants_close(small.conn), "short ones are cut last");
    assert_eq!(bench.counters().frames_cut, 1);
    let mut peer = peers.remove(1);
    assert!(bench.resume(&mut peer), "its session lives");
    push(&mut bench, &peers[0], &frame[250_001..]);
    assert_eq!(bench.begin().body.len(), 300_000);
    for peer in &peers {
        bench.cut(peer);
    }
    bench.cut(&small);
    assert_eq!(bench.core.links.connections.begun_room, 0, "V18");
}

#[test]
fn a_connection_that_is_rejected_takes_no_room_though_its_peer_does_not_read_why() {
    let (mut bench, peer) = Bench::with_peer();
    push(&mut bench, &peer, &long_call(0, 1, 300_000)[..200_000]);
    assert!(bench.core.links.connections.begun_room >= 200_000);
    bench.pass(secs(5));
    assert!(!bench.unsent(peer.conn).is_empty());
    assert_eq!(bench.core.links.connections.begun_room, 0);
}

#[test]
fn idle_connections_make_room_longest_idle_first_and_those_with_work_stay() {
    let mut bench = Bench::plain();
    let mut idle = bench.open();
    let (waits, half, unread) = (bench.open(), bench.open(), bench.open());
    bench.call(&waits, 0, 1);
    push(&mut bench, &half, &[1]);
    bench.say(unread.conn, &Header::new(Kind::Ping), b""); // its PONG is unsent
    bench.pass(ms(500));
    let newer = bench.open();
    assert_eq!(bench.core.close_idle(bench.now), 0, "none for long");
    bench.pass(ms(600));
    assert_eq!(bench.core.close_idle(bench.now), 1);
    let cut = |bench: &Bench, peer: &Peer| bench.core.wants_close(peer.conn);
    assert!(cut(&bench, &idle));
    assert_eq!(bench.core.close_idle(bench.now), 0, "the newer one is not idle for long");
    bench.pass(ms(500));
    assert_eq!(bench.core.close_idle(bench.now), 1);
    assert!(cut(&bench, &newer));
    assert_eq!(bench.core.close_idle(bench.now), 0);
    for busy in [&waits, &half, &unread] {
        assert!(!cut(&bench, busy));
    }
    assert_eq!((bench.counters().idle_closed, bench.counters().sessions), (2, 5));
    assert!(bench.resume(&mut idle), "its session lives");
}

#[test]
fn one_idle_connection_in_16_makes_room_at_once_and_64_at_most() {
    for (connections, closed) in [(1, 1), (16, 1), (47, 2), (64, 4), (2000, 64)] {
        let mut bench = Bench::plain();
        for _ in 0..connections {
            bench.connect();
        }
        bench.pass(secs(2));
        assert_eq!(bench.core.close_idle(bench.now), closed, "of {connections}");
    }
}

#[test]
fn an_idle_connection_without_a_session_makes_room_before_one_with_a_session() {
    let mut bench = Bench::plain();
    let peer = bench.open();
    bench.pass(secs(2));
    let strangers = [bench.connect(), bench.connect()];
    bench.pass(secs(1));
    for stranger in strangers {
        assert!(!bench.core.wants_close(stranger));
        assert_eq!(bench.core.close_idle(bench.now), 1);
        assert!(bench.core.wants_close(stranger) && !bench.core.wants_close(peer.conn));
    }
    assert_eq!(bench.core.close_idle(bench.now), 1);
    assert!(bench.core.wants_close(peer.conn), "then the session's");
}
