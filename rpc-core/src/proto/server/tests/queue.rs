//! Rules of the queue: its two bounds, exactly at the boundary; what frees them; the order; and the deadline of a queued call.

use super::*;
use crate::proto::peer::Peer as Caller;
use crate::proto::tests::{LOOK, ms};

fn bench_with(queue: usize, queue_bytes: usize) -> (Bench, Peer) {
    let mut bench = Bench::new(ServerLimits { queue, queue_bytes, ..ServerLimits::default() });
    let peer = bench.open();
    (bench, peer)
}

fn busy(slot: Slot, seq: Seq) -> [(Slot, Seq, Status); 1] {
    [(slot, seq, refused(Reason::Busy))]
}

#[test]
fn v10_as_many_calls_wait_as_the_queue_has_places_and_the_next_is_refused_as_busy() {
    let (mut bench, peer) = bench_with(2, 1000);
    let (second, third) = (bench.open(), bench.open());
    bench.call(&peer, 0, 1);
    bench.call(&second, 1, 1);
    assert!(bench.read_replies(&peer).is_empty() && bench.read_replies(&second).is_empty());
    bench.call(&third, 2, 1);
    assert_eq!(bench.read_replies(&third), busy(2, 1));
    assert_eq!((bench.counters().queued, bench.counters().refused), (2, 1));
    bench.begin();
    bench.call(&third, 3, 1);
    assert!(bench.read_replies(&third).is_empty(), "a call that runs waits no longer");
    assert_eq!(bench.counters().queued, 2);
}

#[test]
fn v10_the_arguments_that_wait_fill_the_bound_exactly_and_one_byte_more_is_busy() {
    let (mut bench, peer) = bench_with(100, 20);
    let (second, third) = (bench.open(), bench.open());
    bench.call_of(&peer, 0, 1, PLAIN, &[1; 12]);
    bench.call_of(&second, 1, 1, PLAIN, &[1; 9]);
    assert_eq!(bench.read_replies(&second), busy(1, 1));
    bench.call_of(&second, 2, 1, PLAIN, &[1; 8]);
    assert!(bench.read_replies(&second).is_empty(), "20 bytes of 20");
    bench.call_of(&third, 3, 1, PLAIN, b"");
    assert!(bench.read_replies(&third).is_empty(), "no byte more");
    bench.begin();
    bench.call_of(&third, 1, 2, PLAIN, &[1; 13]);
    assert_eq!(bench.read_replies(&third), busy(1, 2));
    bench.call_of(&peer, 1, 2, PLAIN, &[1; 12]);
    assert!(bench.read_replies(&peer).is_empty(), "the first call's bytes wait no longer");
}

#[test]
fn v10_a_call_that_is_cancelled_makes_room_at_once_and_a_slot_never_has_two_places() {
    let (mut bench, peer) = bench_with(1, 1000);
    for seq in (1..1000).step_by(2) {
        bench.call(&peer, 0, seq);
        bench.cancel(&peer, 0, seq);
        assert_eq!(bench.read_replies(&peer), [(0, seq, refused(Reason::Cancelled))]);
        assert_eq!(bench.counters().queued, 0);
        bench.call(&peer, 1, seq); // the place of slot 0 takes no room
        bench.cancel(&peer, 1, seq);
        assert_eq!(bench.read_replies(&peer), [(1, seq, refused(Reason::Cancelled))]);
        bench.pass(ms(100)); // a client that resets calls without a pause is rejected
    }
    bench.call(&peer, 0, 2000);
    assert_eq!(bench.begin().call.seq, 2000);
    assert!(bench.nothing_to_run() && !bench.core.has_calls());
}

#[test]
fn v18_the_queue_is_empty_when_its_calls_ran_were_refused_or_lost_their_session() {
    let (mut bench, peer) = bench_with(100, 30);
    let other = bench.open();
    for round in 1..=50 {
        bench.call_of(&peer, 0, round, PLAIN, &[1; 10]);
        bench.call_of(&peer, 1, round, PLAIN, &[1; 10]);
        bench.call_of(&other, 0, round, PLAIN, &[1; 10]);
        bench.cancel(&peer, 1, round);
        bench.run(0);
        bench.run(0);
        assert!(bench.nothing_to_run());
        bench.read_replies(&peer);
        bench.read_replies(&other);
    }
    bench.call_of(&other, 1, 1, PLAIN, &[1; 30]);
    bench.bye(&other);
    assert!(bench.nothing_to_run());
    assert_eq!((bench.counters().queued, bench.counters().refused), (0, 50));
    bench.call_of(&peer, 0, 51, PLAIN, &[1; 30]);
    bench.run(0);
    assert_eq!(bench.read_replies(&peer), [(0, 51, Status::Done)], "all 30 bytes are free again");
}

#[test]
fn calls_run_in_the_order_in_which_they_came() {
    let (mut bench, peer) = bench_with(100, 1000);
    for slot in [3, 0, 2, 1] {
        bench.call(&peer, slot, 1);
    }
    let order: Vec<Slot> = (0..4).map(|_| bench.begin().call.slot).collect();
    assert_eq!(order, [3, 0, 2, 1]);
    assert!(bench.nothing_to_run() && !bench.core.has_calls());
}

#[test]
fn a_queued_call_runs_until_its_deadline_and_not_at_it() {
    for (late, runs) in [(999_999, true), (1_000_000, false)] {
        let (mut bench, peer) = bench_with(100, 1000);
        bench.say(peer.conn, &Header { millis: 1000, ..call(0, 1, PLAIN) }, b"");
        bench.now = bench.now.plus(Duration::from_micros(late));
        assert_eq!(bench.core.poll_call(bench.now).is_some(), runs, "after {late} µs");
        let expected = if runs { vec![] } else { vec![(0, 1, refused(Reason::Deadline))] };
        assert_eq!(bench.read_replies(&peer), expected);
    }
}

#[test]
fn a_ready_call_says_what_is_to_run_for_whom_and_until_when() {
    let (mut bench, _) = bench_with(100, 1000);
    let address: SocketAddr = "10.0.0.9:77".parse().expect("an address");
    let peer = bench.try_open(Some(address), &hello(2)).expect("room");
    bench.say(peer.conn, &Header { millis: 250, ..call(1, 9, LOOK) }, b"body");
    bench.now = bench.now.plus(ms(10));
    let ready = bench.begin();
    assert_eq!((ready.call.session, ready.call.slot, ready.call.seq), (peer.id, 1, 9));
    assert_eq!((&ready.body[..], ready.entry.index, ready.entry.service), (&b"body"[..], 2, 0));
    assert_eq!((ready.peer, ready.deadline), (Some(Caller::Tcp(address)), START.plus(ms(250))));
    assert!(ready.cancelled.is_some());
    assert_eq!((bench.counters().running, bench.counters().executions), (1, 1));
    bench.finish(ready.key, b"");
    assert_eq!(bench.counters().running, 0);
    bench.call(&peer, 0, 1);
    assert!(bench.begin().cancelled.is_none(), "it takes no context");
}

#[test]
fn w18_a_refusal_as_busy_or_draining_says_when_to_try_again_and_so_does_its_duplicate_and_no_other_does() {
    let limits = ServerLimits { queue: 0, retry_after: ms(70), ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let peer = bench.open();
    for _ in 0..2 {
        bench.call(&peer, 0, 1);
        assert_eq!(bench.read(peer.conn)[0].header.millis, 70);
    }
    bench.cancel(&peer, 0, 1);
    assert_eq!(bench.read(peer.conn)[0].header.millis, 70);
    for _ in 0..2 {
        bench.cancel(&peer, 1, 1);
        assert_eq!(bench.read(peer.conn)[0].header.millis, 0);
    }
    bench.core.start_drain(bench.now);
    bench.read(peer.conn);
    for _ in 0..2 {
        bench.call(&peer, 2, 1);
        let reply = bench.read(peer.conn)[0].header;
        assert_eq!((reply.code, reply.millis), (refused(Reason::Draining).code(), 70));
    }
}

#[test]
fn times_that_do_not_fit_in_a_frame_are_the_longest_that_do() {
    let long = Duration::from_millis(u64::from(u32::MAX) + 8); // a header with the low 32 bits would say 7 ms
    let limits =
        ServerLimits { sessions: 1, queue: 0, retry_after: long, lease: long, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let peer = bench.open();
    bench.call(&peer, 0, 1);
    assert_eq!(bench.read(peer.conn)[0].header.millis, u32::MAX, "REPLY 'busy'");
    let conn = bench.connect();
    assert_eq!(bench.greet(conn, &hello(1))[0].header.millis, u32::MAX, "BUSY");
    let welcome = bench.greet(peer.conn, &hello(peer.slots)).remove(0);
    assert_eq!(Welcome::decode(&welcome.body).expect("a WELCOME").lease_ms, u32::MAX, "WELCOME");
}

#[test]
fn a_call_with_several_faults_is_refused_for_the_first_one_that_is_looked_at() {
    let limits = ServerLimits { queue: 0, max_frame: 10, ..ServerLimits::default() };
    let unknown = Method::new("Work.unknown", "fn unknown()");
    let cases: [(u32, usize, bool, &Method, Reason); 5] = [
        (0, 11, true, &unknown, Reason::Deadline),
        (1, 11, true, &unknown, Reason::TooLarge),
        (1, 10, true, &unknown, Reason::Draining),
        (1, 10, false, &unknown, Reason::NoSuchMethod),
        (1, 10, false, PLAIN, Reason::Busy),
    ];
    for (millis, size, drains, method, reason) in cases {
        let mut bench = Bench::new(limits.clone());
        let peer = bench.open();
        if drains {
            bench.core.start_drain(bench.now);
            bench.read(peer.conn);
        }
        bench.say(peer.conn, &Header { millis, ..call(0, 1, method) }, &vec![0; size]);
        assert_eq!(bench.read_replies(&peer), [(0, 1, refused(reason))]);
        bench.say(peer.conn, &Header { millis, ..call(0, 1, method) }, &vec![0; size]);
        assert_eq!(bench.read_replies(&peer), [(0, 1, refused(reason))], "for good");
    }
}

#[test]
fn a_duplicate_brings_a_queued_calls_deadline_forward_and_never_back() {
    for (first, second, runs_until) in [(1000, 10, 10), (10, 1000, 10), (10, 10, 10)] {
        for late in [false, true] {
            let (mut bench, peer) = bench_with(100, 1000);
            for millis in [first, second] {
                bench.say(peer.conn, &Header { millis, ..call(0, 1, PLAIN) }, b"");
            }
            bench.now = bench.now.plus(ms(runs_until) - Duration::from_micros(u64::from(!late)));
            assert_eq!(bench.core.poll_call(bench.now).is_some(), !late, "{first} ms, then {second}");
        }
    }
}

#[cfg(feature = "__inspection")]
#[test]
fn v10_the_audit_sees_the_bytes_that_are_queued() {
    let mut bench = Bench::plain();
    let peer = bench.open();
    bench.call(&peer, 0, 1);
    bench.call(&peer, 1, 1);
    let bytes = 2 * b"arguments".len();
    assert_eq!(bench.core.links.queue.bytes, bytes);
    bench.core.links.queue.bytes += 1;
    assert!(bench.core.audit(|_, _| {}).is_err());
}
