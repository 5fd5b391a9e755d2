//! Rules about clients that do not read: their connection is not read further, and is cut only when no byte goes for a while.

use super::*;
use crate::proto::tests::{ms, secs};

/// A connection with `size` unsent bytes of one reply, none of which the kernel takes at first.
fn slow_reader(bench: &mut Bench, size: usize) -> Peer {
    let peer = bench.open();
    bench.call(&peer, 0, 1);
    bench.run(size);
    bench.core.handle_written(peer.conn, 0, bench.now);
    peer
}

fn is_cut(bench: &Bench, peer: &Peer) -> bool {
    bench.core.wants_close(peer.conn)
}

#[test]
fn v20_a_connection_whose_bytes_do_not_move_is_cut_after_the_stall_time_and_not_before() {
    let mut bench = Bench::plain();
    let peer = slow_reader(&mut bench, 1000);
    bench.pass(secs(30) - ms(1));
    assert!(!is_cut(&bench, &peer));
    assert_eq!(bench.counters().stalled, 0);
    bench.pass(ms(1));
    assert!(is_cut(&bench, &peer));
    assert_eq!((bench.counters().stalled, bench.counters().protocol_errors), (1, 0));
}

#[test]
fn v20_a_slow_reader_is_not_cut_while_bytes_go_and_is_cut_once_they_stop() {
    let mut bench = Bench::plain();
    let peer = slow_reader(&mut bench, 1000);
    for _ in 0..20 {
        bench.pass(secs(20));
        bench.core.handle_written(peer.conn, 1, bench.now);
        assert!(!is_cut(&bench, &peer), "a byte every 20 s is progress");
    }
    bench.pass(secs(30));
    assert!(!is_cut(&bench, &peer) || bench.counters().stalled == 1);
    bench.pass(secs(30));
    assert!(is_cut(&bench, &peer), "it is watched for as long as bytes wait");
}

#[test]
fn v20_a_reader_that_caught_up_is_watched_anew_when_it_falls_behind_again() {
    let mut bench = Bench::plain();
    let peer = slow_reader(&mut bench, 100);
    bench.pass(secs(10));
    bench.read(peer.conn);
    bench.pass(secs(60)); // the first watch finds nothing unsent
    assert!(!is_cut(&bench, &peer));
    bench.say(peer.conn, &Header::new(Kind::Ping), b"");
    bench.core.handle_written(peer.conn, 0, bench.now);
    bench.pass(secs(30) - ms(1));
    assert!(!is_cut(&bench, &peer));
    bench.pass(ms(1));
    assert!(is_cut(&bench, &peer));
}

#[test]
fn a_stall_timer_does_not_cut_a_later_connection_of_the_same_number() {
    let mut bench = Bench::plain();
    let peer = slow_reader(&mut bench, 100);
    bench.pass(secs(20));
    bench.cut(&peer);
    let next = bench.open();
    assert_eq!(next.conn, peer.conn, "numbers are used again");
    bench.say(next.conn, &Header::new(Kind::Ping), b"");
    bench.core.handle_written(next.conn, 0, bench.now);
    bench.pass(secs(20));
    assert!(!is_cut(&bench, &next), "its own time is not over");
    bench.pass(secs(10));
    assert!(is_cut(&bench, &next));
}

#[test]
fn a_stalled_connection_keeps_its_session_and_a_resume_gets_the_reply() {
    let mut bench = Bench::plain();
    let mut peer = slow_reader(&mut bench, 100);
    bench.pass(secs(31));
    assert_eq!(bench.counters().sessions, 1);
    assert!(bench.resume(&mut peer));
    bench.call(&peer, 0, 1);
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Done)]);
}

#[test]
fn a_connection_is_read_below_the_pause_limit_and_not_at_it() {
    let limits = ServerLimits { unsent_pause: 100, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let peer = bench.open();
    bench.say(peer.conn, &Header::new(Kind::Ping), b""); // its PONG has 36 bytes
    bench.say(peer.conn, &Header::new(Kind::Ping), b"");
    assert!(bench.core.wants_read(peer.conn), "72 unsent bytes of 100");
    bench.say(peer.conn, &Header::new(Kind::Ping), b"");
    assert!(!bench.core.wants_read(peer.conn));
    bench.core.handle_written(peer.conn, 9, bench.now); // 99 unsent bytes
    assert!(bench.core.wants_read(peer.conn));
    let limits = ServerLimits { unsent_pause: 72, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let peer = bench.open();
    bench.say(peer.conn, &Header::new(Kind::Ping), b"");
    bench.say(peer.conn, &Header::new(Kind::Ping), b"");
    assert!(!bench.core.wants_read(peer.conn), "exactly as many as the limit");
}

#[test]
fn frames_that_were_read_already_wait_until_the_peer_reads_and_are_then_acted_on() {
    let mut bench = Bench::new(ServerLimits { unsent_pause: 72, ..ServerLimits::default() });
    let peer = bench.open();
    let mut bytes = Vec::new();
    for _ in 0..5 {
        bytes.extend_from_slice(&encoded(&Header::new(Kind::Ping), b""));
    }
    bench.core.handle_input(peer.conn, bytes.into(), bench.now);
    assert_eq!(bench.unsent(peer.conn).len(), 72, "two PONGs, and then it must read");
    let mut pongs = bench.read(peer.conn).len();
    assert!(!bench.core.wants_read(peer.conn), "frames still wait");
    for _ in 0..2 {
        pongs += bench.read(peer.conn).len();
    }
    assert_eq!(pongs, 5, "V16: what waited is acted on without another byte from the peer");
    assert!(bench.core.wants_read(peer.conn));
}
