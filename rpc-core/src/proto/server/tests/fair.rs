//! Rules about what one session or connection can do to the others: turns, bounds on unsent replies, and shares.

use super::*;
use crate::limits::{FRAMES_PER_TURN, RUNNING_ARGUMENTS};
use crate::proto::tests::{encoded, ms};
use crate::wire::message::REPLY_NOT_KEPT;

/// The unsent bytes at which these servers stop reading a connection.
const PAUSE: usize = 1000;

fn bench_with(unsent_most: usize, unsent_budget: usize) -> Bench {
    Bench::new(ServerLimits { unsent_pause: PAUSE, unsent_most, unsent_budget, ..ServerLimits::default() })
}

/// Calls of a session that has `count` slots, all at once.
fn flood(bench: &mut Bench, count: u16) -> Peer {
    let peer = bench.try_open(None, &hello(count)).expect("room");
    (0..count).for_each(|slot| bench.call_of(&peer, slot, 1, PLAIN, b""));
    peer
}

#[test]
fn sessions_with_work_take_turns_so_a_thousand_calls_of_one_delay_another_by_one() {
    let mut bench = Bench::plain();
    let flooder = flood(&mut bench, 1000);
    let other = bench.open();
    bench.run(0); // one of the flood
    bench.call(&other, 0, 1);
    bench.call(&other, 1, 1);
    let order: Vec<SessionId> = (0..6).map(|_| bench.begin().call.session).collect();
    assert_eq!(order, [flooder.id, other.id, flooder.id, other.id, flooder.id, flooder.id]);
}

#[test]
fn a_session_that_was_idle_waits_for_one_round_of_the_others_and_no_longer() {
    let mut bench = Bench::plain();
    let flooders: Vec<Peer> = (0..5).map(|_| flood(&mut bench, 100)).collect();
    for seq in 1..20 {
        let other = bench.open();
        bench.call(&other, 0, seq);
        let before = (0..100).take_while(|_| bench.begin().call.session != other.id).count();
        assert!(before <= flooders.len(), "{before} calls ran first");
    }
}

#[test]
fn a_connection_is_read_for_a_bounded_number_of_frames_in_each_turn() {
    let mut bench = Bench::plain();
    let peer = bench.try_open(None, &hello(1024)).expect("room");
    let ping = encoded(&Header::new(Kind::Ping), &[]);
    let count = 3 * FRAMES_PER_TURN + 5;
    bench.core.handle_input(peer.conn, ping.repeat(count).into(), bench.now);
    for turn in 1..=4 {
        let pongs = bench.unsent(peer.conn).len() / ping.len();
        assert_eq!(pongs, (turn * FRAMES_PER_TURN).min(count), "after turn {turn}");
        assert_eq!(bench.core.wants_read(peer.conn), turn == 4, "it is read again when all was acted on");
        let due = bench.core.poll_timeout();
        assert_eq!(due.is_some_and(|due| due <= bench.now), turn < 4, "its next turn is there at once");
        bench.core.handle_timeout(bench.now);
        bench.check();
    }
}

#[test]
fn no_call_begins_while_its_client_does_not_read_and_it_begins_when_the_client_reads() {
    let mut bench = bench_with(1 << 20, 1 << 20);
    let peer = flood(&mut bench, 4);
    bench.run(PAUSE - 36 - 1);
    assert_eq!(bench.unsent(peer.conn).len(), PAUSE - 1);
    bench.run(0);
    assert!(bench.nothing_to_run() && !bench.core.has_calls(), "36 bytes more: the calls wait");
    assert_eq!(bench.counters().queued, 2);
    bench.core.handle_written(peer.conn, 35, bench.now);
    assert!(bench.nothing_to_run(), "as many unsent bytes as the bound");
    bench.core.handle_written(peer.conn, 1, bench.now);
    bench.run(0);
    assert_eq!(bench.counters().queued, 1);
}

#[test]
fn a_call_that_waits_for_its_client_to_read_is_refused_when_its_deadline_has_passed() {
    let mut bench = bench_with(1 << 20, 1 << 20);
    let peer = bench.open();
    bench.call(&peer, 0, 1);
    bench.say(peer.conn, &Header { millis: 50, ..call(1, 1, PLAIN) }, b"");
    bench.run(PAUSE);
    bench.now = bench.now.plus(ms(51));
    assert!(bench.nothing_to_run());
    bench.read_replies(&peer);
    assert!(bench.nothing_to_run());
    assert_eq!(bench.read_replies(&peer), [(1, 1, refused(Reason::Deadline))]);
}

#[test]
fn calls_that_waited_for_their_client_run_when_it_is_gone_and_after_a_resume() {
    for resumes in [false, true] {
        let mut bench = bench_with(1 << 20, 1 << 20);
        let mut peer = flood(&mut bench, 3);
        bench.run(PAUSE);
        assert!(bench.nothing_to_run());
        if resumes {
            assert!(bench.resume(&mut peer));
        } else {
            bench.cut(&peer);
        }
        bench.run(0);
        bench.run(0);
        assert_eq!(bench.counters().queued, 0);
    }
}

#[test]
fn v10_a_reply_beyond_the_bound_of_its_connection_is_lost_and_the_client_is_told_at_once() {
    let mut bench = bench_with(5000, 1 << 20);
    let peer = flood(&mut bench, 4);
    let keys: Vec<CallKey> = (0..4).map(|_| bench.begin().key).collect(); // slow ones, side by side
    let long = vec![1; (16 << 10) + 1]; // too long to be kept
    bench.finish(keys[0], &long); // one is always taken, whatever its length
    bench.finish(keys[1], &long);
    bench.finish(keys[2], b"short"); // it is kept, so it is sent
    assert_eq!(bench.counters().replies_dropped, 1);
    assert_eq!(bench.unsent(peer.conn).len(), 3 * 36 + long.len() + REPLY_NOT_KEPT.len() + 5);
    let done = [(0, 1, Status::Done), (1, 1, Status::ReplyLost), (2, 1, Status::Done)];
    assert_eq!(bench.read_replies(&peer), done);
    bench.finish(keys[3], &long);
    assert_eq!(bench.read_replies(&peer), [(3, 1, Status::Done)], "there is room again");
}

#[test]
fn v19_beyond_half_of_the_servers_budget_each_connection_has_an_equal_share_of_unsent_bytes() {
    let mut bench = bench_with(1 << 20, 200_000);
    let peers: Vec<Peer> = (0..4).map(|_| flood(&mut bench, 3)).collect();
    let keys: Vec<(CallKey, SessionId)> =
        (0..12).map(|_| bench.begin()).map(|c| (c.key, c.call.session)).collect();
    let finish = |bench: &mut Bench, of: usize, size: usize, nth: usize| {
        let (key, _) = keys.iter().filter(|(_, id)| *id == peers[of].id).nth(nth).expect("it runs");
        let before = bench.counters().replies_dropped;
        bench.finish(*key, &vec![0; size]);
        bench.counters().replies_dropped == before
    };
    assert!(finish(&mut bench, 0, 90_000, 0), "half is for all alike");
    assert!(!finish(&mut bench, 0, 20_000, 1), "one that has more than a quarter of the other half");
    assert!(finish(&mut bench, 1, 20_000, 0), "one that has nothing gets its share");
    assert!(finish(&mut bench, 2, 20_000, 0));
    assert!(!finish(&mut bench, 2, 20_000, 1), "and not more");
    assert!(finish(&mut bench, 3, 20_000, 0));
    assert!(bench.core.links.connections.unsent <= 200_000);
}

#[test]
fn v10_a_session_with_many_arguments_that_wait_is_not_read_until_some_have_begun() {
    let limits = ServerLimits { queue_pause: 100, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let mut peer = bench.open();
    bench.call_of(&peer, 0, 1, PLAIN, &[0; 99]);
    assert!(bench.core.wants_read(peer.conn));
    bench.call_of(&peer, 1, 1, PLAIN, &[0; 1]);
    assert!(!bench.core.wants_read(peer.conn));
    let more = encoded(&Header { millis: 1000, ..call(2, 1, PLAIN) }, &[0; 10]);
    bench.core.handle_input(peer.conn, more, bench.now); // it was read already
    assert_eq!(bench.counters().queued, 2);
    assert!(bench.resume(&mut peer));
    assert!(!bench.core.wants_read(peer.conn), "the next connection is held as well");
    let more = encoded(&Header { millis: 1000, ..call(2, 1, PLAIN) }, &[0; 10]);
    bench.core.handle_input(peer.conn, more, bench.now);
    while bench.core.poll_ready().is_some() {}
    bench.begin();
    assert_eq!(bench.core.poll_ready(), Some(peer.conn), "the driver reads its socket again");
    bench.core.handle_timeout(bench.now);
    assert_eq!(bench.counters().queued, 2, "and what was read waits no longer");
    assert!(bench.core.wants_read(peer.conn));
    bench.check();
}

#[test]
fn v19_a_session_that_fills_half_of_the_queue_leaves_room_for_the_others() {
    let limits = ServerLimits { queue: 20, queue_bytes: 1000, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let flooder = flood(&mut bench, 100);
    let refused_calls = bench.counters().refused;
    assert_eq!((bench.counters().queued, refused_calls), (10, 90));
    let busy = bench.read_replies(&flooder);
    assert!(busy.iter().all(|(_, _, status)| *status == refused(Reason::Busy)), "{busy:?}");
    let others: Vec<Peer> = (0..3).map(|_| bench.open()).collect();
    for other in &others {
        bench.call_of(other, 0, 1, PLAIN, b"");
        assert!(bench.read_replies(other).is_empty(), "there is room for it");
    }
    assert_eq!(bench.counters().queued, 13);
}

#[test]
fn v19_arguments_that_fill_half_of_the_queue_leave_room_for_the_others() {
    let limits = ServerLimits { queue_bytes: 1000, queue_pause: 1 << 20, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let flooder = bench.try_open(None, &hello(100)).expect("room");
    (0..100).for_each(|slot| bench.call_of(&flooder, slot, 1, PLAIN, &[0; 100]));
    let taken = bench.counters().queued;
    assert!((5..=9).contains(&taken), "{taken} calls with 100 bytes each wait in 1,000 bytes");
    let other = bench.open();
    bench.call_of(&other, 0, 1, PLAIN, &[0; 100]);
    assert!(bench.read_replies(&other).is_empty(), "there is room for it");
}

#[test]
fn v10_slow_calls_whose_replies_are_long_do_not_run_side_by_side_beyond_the_bound() {
    let mut bench = Bench::plain();
    let peer = flood(&mut bench, 100);
    let first = bench.begin().key;
    bench.finish(first, &vec![0; 1 << 20]);
    bench.read(peer.conn);
    let keys: Vec<CallKey> =
        std::iter::from_fn(|| bench.core.poll_call(bench.now)).map(|call| call.key).collect();
    assert_eq!(keys.len(), 4, "as many as would fill 4 MiB");
    assert!(!bench.core.has_calls());
    bench.finish(keys[0], &vec![0; 1 << 20]);
    assert!(bench.nothing_to_run(), "its reply is not written");
    bench.read(peer.conn);
    bench.begin();
    assert!(bench.nothing_to_run());
    keys[1..].iter().for_each(|key| bench.finish(*key, b"short now"));
    bench.begin();
    assert_eq!(bench.counters().replies_dropped, 0);
    bench.check();
}

#[test]
fn v10_calls_that_run_hold_a_bounded_number_of_arguments_and_the_connection_is_read_meanwhile() {
    let mut bench = Bench::new(ServerLimits { queue_pause: 100, ..ServerLimits::default() });
    let peer = bench.try_open(None, &hello(10)).expect("room");
    bench.call_of(&peer, 0, 1, PLAIN, &vec![0; RUNNING_ARGUMENTS - 10]);
    let first = bench.begin().key;
    bench.call_of(&peer, 1, 1, PLAIN, &[0; 10]);
    let second = bench.begin().key; // exactly as many as the bound
    bench.call_of(&peer, 2, 1, PLAIN, &[0; 1]);
    assert!(bench.nothing_to_run() && !bench.core.has_calls(), "one byte more");
    bench.call_of(&peer, 3, 1, PLAIN, &[0; 100]);
    bench.call_of(&peer, 4, 1, PLAIN, &[0; 1]);
    assert_eq!(bench.read_replies(&peer), busy(4, 1), "it keeps few arguments that cannot begin");
    assert!(bench.core.wants_read(peer.conn), "a PING is answered however long the calls run");
    bench.finish(first, b"");
    assert_eq!(bench.begin().call.slot, 2);
    assert_eq!(bench.begin().call.slot, 3);
    bench.finish(second, b"");
    bench.check();
}

#[test]
fn v10_arguments_that_cannot_begin_stay_few_though_each_refusal_is_written_at_once() {
    let mut bench = Bench::new(ServerLimits { queue_pause: 100, ..ServerLimits::default() });
    let peer = bench.try_open(None, &hello(101)).expect("room");
    bench.call_of(&peer, 0, 1, PLAIN, &vec![0; RUNNING_ARGUMENTS]);
    let first = bench.begin().key;
    for slot in (1..101).step_by(2) {
        bench.call_of(&peer, slot, 1, PLAIN, &[0; 60]);
        bench.read(peer.conn); // a write lets the session take turns again
        bench.call_of(&peer, slot + 1, 1, PLAIN, &[0; 60]);
        assert!(bench.nothing_to_run());
        assert!(bench.core.links.queue.bytes < 160, "{} bytes wait", bench.core.links.queue.bytes);
    }
    assert!(bench.core.wants_read(peer.conn), "a PING is answered however long the call runs");
    bench.finish(first, b"");
    assert_eq!((bench.begin().call.slot, bench.begin().call.slot), (1, 2));
    assert!(bench.nothing_to_run());
    bench.check();
}

#[test]
fn a_call_with_arguments_over_the_bound_runs_alone() {
    let limits = ServerLimits { max_frame: 2 * RUNNING_ARGUMENTS, ..ServerLimits::default() };
    let mut bench = Bench::new(limits);
    let peer = bench.open();
    bench.call_of(&peer, 0, 1, PLAIN, &vec![0; RUNNING_ARGUMENTS + 1]);
    bench.run(0);
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Done)]);
}

fn busy(slot: Slot, seq: Seq) -> [(Slot, Seq, Status); 1] {
    [(slot, seq, refused(Reason::Busy))]
}

#[test]
fn v16_a_connection_whose_frames_were_acted_on_in_a_later_turn_is_read_again_without_an_event() {
    let mut bench = Bench::plain();
    let peer = bench.open();
    while bench.core.poll_ready().is_some() {}
    let ack = encoded(&Header::for_call(Kind::Ack, 0, 7), b"");
    bench.core.handle_input(peer.conn, ack.repeat(FRAMES_PER_TURN + 1).into(), bench.now);
    assert!(!bench.core.wants_read(peer.conn) && bench.core.poll_ready().is_none());
    bench.core.handle_timeout(bench.now);
    assert!(bench.core.wants_read(peer.conn));
    assert_eq!(
        bench.core.poll_ready(),
        Some(peer.conn),
        "nothing is to be written, and bytes may wait to be read"
    );
}

#[test]
fn v4_a_session_that_ends_leaves_no_turn_behind() {
    let mut bench = Bench::plain();
    let (peer, other) = (flood(&mut bench, 3), flood(&mut bench, 1));
    bench.bye(&peer);
    assert_eq!(bench.begin().call.session, other.id);
    assert!(!bench.core.has_calls());
}
