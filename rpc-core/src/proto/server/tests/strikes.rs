//! Rules about floods: what is of no use costs its sender the connection, exactly at the bound, and never the session.

use super::*;
use crate::error::ProtocolError;
use crate::ids::MethodId;
use crate::limits::TABLES_FREE;
use crate::proto::tests::{ms, secs};
use crate::wire::message::encode_name;

/// The bound for the 4 slots of these tests.
const MOST: u32 = 4 * 4 + 256;

/// Sends frames until the connection is rejected. Returns the number of those that were taken.
fn taken(bench: &mut Bench, conn: ConnId, mut frame: impl FnMut(u32) -> (Header, Vec<u8>)) -> u32 {
    for number in 0..10 * MOST {
        let (header, body) = frame(number);
        bench.say(conn, &header, &body);
        let frames = bench.read(conn);
        if let Some(last) = frames.iter().find(|frame| frame.header.kind == Kind::Reject) {
            assert_eq!(last.body[..], *ProtocolError::Flood.to_string().as_bytes());
            assert!(bench.core.wants_close(conn));
            return number;
        }
    }
    panic!("it is never rejected");
}

/// A server with a session whose slot 0 is at number 9, and whose bucket is empty.
fn used() -> (Bench, Peer) {
    let (mut bench, peer) = Bench::with_peer();
    bench.served(&peer, 0, 9, PLAIN, 10);
    (bench, peer)
}

fn about(kind: Kind, slot: Slot, seq: Seq) -> (Header, Vec<u8>) {
    (Header::for_call(kind, slot, seq), Vec::new())
}

#[test]
fn v14_each_kind_of_useless_frame_is_taken_up_to_the_bound_and_the_next_one_costs_the_connection() {
    type Make = fn(u32, &Peer) -> (Header, Vec<u8>);
    let floods: [(&str, u32, Make); 13] = [
        ("PING", MOST, |_, _| about(Kind::Ping, 0, 0)),
        ("the same HELLO", MOST, |_, peer| (Header::new(Kind::Hello), hello(peer.slots).encode())),
        ("METHODS", MOST / 17 + u32::from(TABLES_FREE), |_, _| {
            (Header::new(Kind::Methods), encode_name("Work"))
        }),
        ("ACK of an old call", MOST, |_, _| about(Kind::Ack, 0, 3)),
        ("ACK of a call to come", MOST, |_, _| about(Kind::Ack, 0, 10)),
        ("ACK of an unused slot", MOST, |_, _| about(Kind::Ack, 1, 1)),
        ("the same ACK", MOST + 1, |_, _| about(Kind::Ack, 0, 9)),
        ("CANCEL of an old call", MOST, |_, _| about(Kind::Cancel, 0, 3)),
        ("CANCEL of a final call", MOST, |_, _| about(Kind::Cancel, 0, 9)),
        ("CANCEL of calls to come", MOST, |n, _| about(Kind::Cancel, 1, 1 + u64::from(n))),
        ("an old CALL", MOST, |_, _| (Header { millis: 9, ..call(0, 8, PLAIN) }, b"arguments".to_vec())),
        ("the same CALL", MOST, |_, _| (Header { millis: 9, ..call(0, 9, PLAIN) }, b"arguments".to_vec())),
        ("CALLs of no method", MOST, |n, _| {
            let header = Header::for_call(Kind::Call, 1, 1 + u64::from(n));
            (Header { method: MethodId(1), millis: 9, ..header }, Vec::new())
        }),
    ];
    for (name, most, make) in floods {
        let (mut bench, mut peer) = used();
        let from = peer.clone();
        assert_eq!(taken(&mut bench, peer.conn, |n| make(n, &from)), most, "{name}");
        let counters = bench.counters();
        assert_eq!((counters.floods, counters.protocol_errors, counters.sessions), (1, 1, 1), "{name}");
        assert!(bench.resume(&mut peer), "{name}: the session lives");
        bench.call_of(&peer, 0, 9, PLAIN, b"arguments");
        let replies = bench.read_replies(&peer);
        assert!(replies == [(0, 9, Status::Done)] || name == "the same ACK", "{name}: and keeps its replies");
    }
}

#[test]
fn v14_calls_that_are_late_when_they_arrive_and_calls_during_a_drain_count_and_those_of_a_busy_server_do_not()
{
    let (mut bench, peer) = used();
    let late = |n: u32| (call(1, 1 + u64::from(n), PLAIN), Vec::new());
    assert_eq!(taken(&mut bench, peer.conn, late), MOST, "no time left");
    let (mut bench, peer) = used();
    bench.core.start_drain(bench.now);
    let in_time = |n: u32| (Header { millis: 9, ..call(1, 1 + u64::from(n), PLAIN) }, Vec::new());
    assert_eq!(taken(&mut bench, peer.conn, in_time), MOST, "draining");
    let mut bench = Bench::new(ServerLimits { queue: 0, ..ServerLimits::default() });
    let peer = bench.open();
    for number in 0..3 * MOST {
        let (header, body) = in_time(number);
        bench.say(peer.conn, &header, &body);
        assert_eq!(bench.read_replies(&peer)[0].2, refused(Reason::Busy));
    }
    assert_eq!(bench.counters().floods, 0);
}

#[test]
fn v14_a_call_that_is_cancelled_before_it_begins_forgives_nothing() {
    let (mut bench, peer) = used();
    let reset = |n: u32| {
        let seq = 1 + u64::from(n) / 2;
        if n % 2 == 0 {
            (Header { millis: 9, ..call(1, seq, PLAIN) }, Vec::new())
        } else {
            about(Kind::Cancel, 1, seq)
        }
    };
    assert_eq!(taken(&mut bench, peer.conn, reset), 2 * MOST + 1, "every second frame is one");
}

#[test]
fn v14_a_client_whose_calls_run_may_send_each_call_and_each_ack_twice_for_ever() {
    let (mut bench, peer) = used();
    for seq in 10..10 + u64::from(3 * MOST) {
        bench.call(&peer, 0, seq);
        bench.call(&peer, 0, seq);
        bench.run(1);
        bench.ack(&peer, 0, seq);
        bench.ack(&peer, 0, seq);
        bench.read(peer.conn);
    }
    assert_eq!(bench.counters().floods, 0);
    assert_eq!(bench.counters().acks, u64::from(6 * MOST));
}

#[test]
fn v14_useless_frames_at_the_rate_that_is_forgiven_are_taken_for_ever() {
    let (mut bench, peer) = used();
    for _ in 0..4 * MOST {
        bench.say(peer.conn, &Header::new(Kind::Ping), b"");
        bench.read(peer.conn);
        bench.pass(ms(15)); // 66.7 a second, of 68
    }
    assert_eq!(bench.counters().floods, 0);
}

#[test]
fn v14_bodies_over_the_limit_are_answered_until_their_length_is_more_than_is_forgiven() {
    let mut bench = Bench::new(ServerLimits { max_frame: 64 << 10, ..ServerLimits::default() });
    let peer = bench.open();
    let long = vec![0; (256 << 10) - 4096]; // 64 strikes
    for seq in 1..=5 {
        let header = Header { millis: 9, ..call(0, seq, PLAIN) };
        bench.say(peer.conn, &header, &long);
        assert_eq!(bench.read_replies(&peer), [(0, seq, refused(Reason::TooLarge))]);
    }
    let header = Header { millis: 9, ..call(0, 6, PLAIN) };
    bench.say(peer.conn, &header, &long);
    assert!(bench.is_rejected(peer.conn), "320 strikes of 272");
    assert_eq!(bench.counters().floods, 1);
}

#[test]
fn v14_a_connection_begins_without_the_strikes_of_the_one_before() {
    let (mut bench, mut peer) = used();
    for round in 1..=4 {
        assert_eq!(taken(&mut bench, peer.conn, |_| about(Kind::Ping, 0, 0)), MOST);
        assert!(bench.resume(&mut peer));
        assert_eq!(bench.counters().floods, round);
    }
    bench.pass(secs(1));
    assert_eq!(taken(&mut bench, peer.conn, |_| about(Kind::Ping, 0, 0)), MOST, "time gives no credit");
}
