//! Rules of the arguments that a session holds: those of calls that wait or run, and of a frame that has begun.

use bytes::Bytes;

use super::*;
use crate::limits::{ARGUMENTS_BESIDE, COPY_ALL, COPY_CALLS, LONG_FRAME, READ_CHUNK, RUNNING_ARGUMENTS};
use crate::proto::tests::LATER;

/// The longest body of a frame, by default.
const LONGEST: usize = 4 << 20;

/// Bytes of arguments that a session of this server holds, those of a frame that has begun included.
fn held(bench: &Bench) -> usize {
    let session = bench.core.links.sessions.iter().next().expect("a session");
    session.sums.running + session.lane.bytes + bench.core.links.connections.begun_room
}

fn frame(slot: Slot, seq: Seq, size: usize) -> Bytes {
    encoded(&Header { millis: 600_000, ..call(slot, seq, PLAIN) }, &vec![1; size])
}

/// Sends a frame in chunks, as a socket brings it. Returns the most bytes of arguments that were held meanwhile.
fn drip(bench: &mut Bench, peer: &Peer, frame: &Bytes) -> usize {
    let mut most = 0;
    for chunk in frame.chunks(READ_CHUNK) {
        bench.core.handle_input(peer.conn, Bytes::copy_from_slice(chunk), bench.now);
        most = held(bench).max(most);
        bench.check();
    }
    most
}

#[test]
fn v10_a_body_that_does_not_fit_beside_what_its_session_holds_takes_no_memory_and_its_call_is_busy() {
    let mut bench = Bench::plain();
    let peer = bench.try_open(None, &hello(1024)).expect("room");
    bench.call_of(&peer, 0, 1, PLAIN, &vec![0; LONGEST - 10]);
    let first = bench.begin().key;
    for slot in 1..40 {
        let most = drip(&mut bench, &peer, &frame(slot, 1, LONGEST));
        assert!(most < LONGEST + LONG_FRAME, "{most} bytes are held");
        assert_eq!(bench.read_replies(&peer), [(slot, 1, refused(Reason::Busy))]);
    }
    bench.say(peer.conn, &Header::new(Kind::Ping), b"");
    assert_eq!(kinds(&bench.read(peer.conn)), [Kind::Pong], "the connection lives");
    bench.finish(first, b"");
    drip(&mut bench, &peer, &frame(1, 2, LONGEST));
    assert_eq!(bench.begin().body.len(), LONGEST, "the same call fits now");
}

#[test]
fn v7_a_copy_of_a_call_whose_body_was_skipped_is_refused_again_though_there_is_room_now() {
    let mut bench = Bench::plain();
    let peer = bench.try_open(None, &hello(1024)).expect("room");
    bench.call_of(&peer, 0, 1, PLAIN, &vec![0; LONGEST - 10]);
    let first = bench.begin().key;
    for reason in [Reason::Busy, Reason::Deadline] {
        let slot = 1 + Slot::from(reason == Reason::Deadline);
        let millis = if reason == Reason::Busy { 600_000 } else { 0 };
        let skipped = encoded(&Header { millis, ..call(slot, 1, PLAIN) }, &vec![1; LONGEST]);
        drip(&mut bench, &peer, &skipped);
        assert_eq!(bench.read_replies(&peer), [(slot, 1, refused(reason))], "late is told before busy");
    }
    bench.finish(first, b"");
    bench.read_replies(&peer);
    drip(&mut bench, &peer, &frame(1, 1, LONGEST));
    assert_eq!(bench.read_replies(&peer), [(1, 1, refused(Reason::Busy))]);
    assert!(!bench.core.has_calls(), "it was told to be not executed");
}

#[test]
fn v10_a_body_fits_to_the_last_byte_also_on_the_connection_that_resumes_the_session() {
    for resumes in [false, true] {
        for (more, reason) in [(0, None), (1, Some(Reason::Busy))] {
            let (mut bench, mut peer) = Bench::with_peer();
            bench.call_of(&peer, 0, 1, PLAIN, &vec![0; LONGEST]);
            bench.begin();
            if resumes {
                assert!(bench.resume(&mut peer));
            }
            let most = drip(&mut bench, &peer, &frame(1, 1, ARGUMENTS_BESIDE + more));
            assert!(most <= LONGEST + ARGUMENTS_BESIDE + LONG_FRAME, "{most} bytes are held");
            let expected: Vec<_> = reason.map(|reason| (1, 1, refused(reason))).into_iter().collect();
            assert_eq!(bench.read_replies(&peer), expected, "resumes: {resumes}, {more} more");
        }
    }
}

#[test]
fn short_bodies_are_always_taken_and_one_that_is_too_long_for_any_server_is_told_so() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call_of(&peer, 0, 1, PLAIN, &vec![0; LONGEST]);
    let first = bench.begin().key;
    bench.call_of(&peer, 1, 1, PLAIN, &vec![0; ARGUMENTS_BESIDE]);
    assert!(bench.nothing_to_run(), "so that the connection is read");
    bench.call_of(&peer, 2, 1, PLAIN, &vec![0; LONGEST + 1]);
    assert_eq!(bench.read_replies(&peer), [(2, 1, refused(Reason::TooLarge))]);
    assert_eq!(bench.core.links.connections.begun_room, 0);
    bench.finish(first, b"");
    bench.run(0);
    bench.call_of(&peer, 0, 2, PLAIN, &vec![0; LONGEST]);
    let other = bench.begin().key;
    bench.call_of(&peer, 1, 2, PLAIN, &vec![0; LONG_FRAME]);
    assert!(bench.read_replies(&peer).iter().all(|(_, seq, _)| *seq == 1));
    bench.finish(other, b"");
    assert_eq!(bench.begin().body.len(), LONG_FRAME);
}

#[test]
fn v1_a_duplicate_whose_body_is_not_taken_is_still_a_duplicate_and_does_not_run_without_its_arguments() {
    for at_most_once in [true, false] {
        let mut bench = Bench::with(ServerLimits::default(), 0, 1, at_most_once);
        let peer = bench.open();
        let frame = frame(0, 1, LONGEST);
        drip(&mut bench, &peer, &frame);
        let key = bench.begin().key;
        drip(&mut bench, &peer, &frame);
        assert!(bench.nothing_to_run() && bench.read_replies(&peer).is_empty());
        bench.finish(key, b"the only one");
        assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Done)]);
        assert_eq!(bench.counters().executions, 1);
    }
}

/// Sends a short call that waits in each of `count` slots, each in a read buffer of its own: what is behind it is of no use.
/// Returns the number of read buffers that are kept.
fn kept_buffers(bench: &mut Bench, peer: &Peer, count: u16) -> usize {
    let last = peer.slots - 1;
    let mut chunks = Vec::new();
    for slot in 0..count {
        let mut bytes = frame(slot, 1, 100).to_vec();
        let late = Header { millis: 0, ..call(last, Seq::from(slot) + 1, PLAIN) };
        bytes.extend_from_slice(&encoded(&late, &vec![0; READ_CHUNK - 300]));
        let chunk = Bytes::from(bytes);
        chunks.push(chunk.clone());
        bench.core.handle_input(peer.conn, chunk, bench.now);
        bench.read(peer.conn);
    }
    chunks.iter().filter(|chunk| !chunk.is_unique()).count()
}

#[test]
fn v10_short_calls_that_wait_do_not_keep_a_read_buffer_each() {
    let mut bench = Bench::plain();
    let mut peer = bench.try_open(None, &hello(1024)).expect("room");
    bench.call_of(&peer, 1000, 1, PLAIN, &vec![0; RUNNING_ARGUMENTS]);
    let first = bench.begin().key; // no other call begins meanwhile
    let kept = kept_buffers(&mut bench, &peer, 900);
    assert!(kept <= COPY_CALLS + 5, "{kept} read buffers of 900 are kept");
    assert_eq!(bench.counters().queued, 900);
    assert!(bench.nothing_to_run());
    assert!(bench.resume(&mut peer));
    let chunk = frame(950, 1, 100);
    bench.core.handle_input(peer.conn, chunk.clone(), bench.now);
    assert!(chunk.is_unique(), "what waits keeps the buffers of the connection before");
    bench.finish(first, b"");
    for _ in 0..901 {
        let call = bench.begin();
        assert_eq!(call.body[..], [1; 100]);
        bench.finish(call.key, b"");
        bench.read(peer.conn);
    }
}

#[test]
fn arguments_are_not_copied_while_calls_run_in_the_turn_in_which_they_arrive() {
    let (mut bench, peer) = (Bench::plain(), hello(64));
    let peer = bench.try_open(None, &peer).expect("room");
    for seq in 1..200 {
        let chunks: Vec<_> = (0..64).map(|slot| frame(slot, seq, 100)).collect();
        for chunk in &chunks {
            bench.core.handle_input(peer.conn, chunk.clone(), bench.now);
        }
        assert!(chunks.iter().all(|chunk| !chunk.is_unique()), "each of them is there once");
        (0..64).for_each(|_| bench.run(0));
        bench.read(peer.conn);
    }
}

#[test]
fn v10_calls_of_many_sessions_that_wait_are_copied_however_few_each_has() {
    let mut bench = Bench::plain();
    let mut kept = Vec::new();
    for _ in 0..COPY_ALL + 10 {
        let peer = bench.open();
        let chunk = frame(0, 1, 100);
        bench.core.handle_input(peer.conn, chunk.clone(), bench.now);
        kept.push(chunk);
    }
    assert_eq!(kept.iter().filter(|chunk| !chunk.is_unique()).count(), COPY_ALL);
}

#[test]
fn v16_a_call_whose_reply_comes_later_holds_its_arguments_only_until_its_method_returns() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call_of(&peer, 0, 1, LATER, &vec![0; RUNNING_ARGUMENTS]);
    let waits = bench.begin().key;
    bench.call(&peer, 1, 1);
    assert!(bench.nothing_to_run(), "its method has not returned");
    bench.core.hold(waits, bench.now);
    bench.check();
    assert_eq!(held(&bench), 9, "those of the other call");
    bench.run(0); // perhaps the call that it waits for
    drip(&mut bench, &peer, &frame(2, 1, LONGEST));
    bench.run(0);
    bench.finish(waits, b"");
    assert_eq!(bench.read_replies(&peer).len(), 3);
}

#[test]
#[cfg(feature = "__inspection")]
fn v10_calls_whose_replies_come_later_are_few_while_the_length_of_a_reply_is_not_known_or_long() {
    let mut bench = Bench::plain();
    let peer = bench.try_open(None, &hello(100)).expect("room");
    (0..100).for_each(|slot| bench.call_of(&peer, slot, 1, LATER, b"arguments"));
    let first = bench.begin().key;
    bench.core.hold(first, bench.now);
    assert!(bench.nothing_to_run(), "nothing is known of its reply");
    bench.finish(first, &vec![0; 1 << 20]);
    bench.read(peer.conn);
    let mut begun = 0;
    while let Some(call) = bench.core.poll_call(bench.now) {
        bench.core.hold(call.key, bench.now);
        begun += 1;
    }
    assert_eq!(begun, 4, "of 1 MiB each");
}
