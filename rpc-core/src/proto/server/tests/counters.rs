//! Rules of the counters: each counts what its sentence says, once, and two loops' counts add up field by field.

use super::*;
use crate::proto::tests::READ;

/// Returns the changes between two looks, by name.
fn changes(before: ServerCounters, after: ServerCounters) -> Vec<(String, i64)> {
    let (before, after) = (fields(before), fields(after));
    let pairs = before.into_iter().zip(after).filter(|(before, after)| before != after);
    pairs.map(|(before, after)| (after.0, after.1 - before.1)).collect()
}

/// Every field with its value.
fn fields(counters: ServerCounters) -> Vec<(String, i64)> {
    let text = format!("{counters:?}");
    let inside = text.trim_start_matches("ServerCounters {").trim_end_matches('}');
    let pairs = inside.split(',').filter_map(|field| field.split_once(':'));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().parse().expect("a number"))).collect()
}

/// Asserts what `act` changes in the counters.
fn counts(bench: &mut Bench, act: impl FnOnce(&mut Bench), expected: &[(&str, i64)]) {
    let before = bench.counters();
    act(bench);
    let changed = changes(before, bench.counters());
    // These have tests of their own: `replies` counts frames, and most rows end with one; `call_bytes` follows each call.
    let changed = changed.iter().filter(|(name, _)| name != "replies" && name != "call_bytes");
    let changed: Vec<(&str, i64)> = changed.map(|(name, by)| (name.as_str(), *by)).collect();
    assert_eq!(changed, expected);
}

#[test]
fn each_row_of_calls_and_their_duplicates_has_its_counter() {
    let (mut bench, peer) = Bench::with_peer();
    counts(
        &mut bench,
        |b| b.call(&peer, 0, 2),
        &[("calls", 1), ("records", 1), ("record_bytes", 32), ("queued", 1)],
    );
    counts(&mut bench, |b| b.call(&peer, 0, 2), &[("calls", 1), ("duplicates_under_way", 1)]);
    let mut key = None;
    counts(&mut bench, |b| key = Some(b.begin().key), &[("executions", 1), ("queued", -1), ("running", 1)]);
    counts(&mut bench, |b| b.call(&peer, 0, 2), &[("calls", 1), ("duplicates_under_way", 1)]);
    counts(&mut bench, |b| b.finish(key.expect("begun"), b"abc"), &[("kept_bytes", 3), ("running", -1)]);
    counts(&mut bench, |b| b.call(&peer, 0, 2), &[("calls", 1), ("duplicates_without_reply", 1)]);
    bench.read(peer.conn);
    counts(&mut bench, |b| b.call(&peer, 0, 2), &[("calls", 1), ("duplicates_replayed", 1)]);
    counts(&mut bench, |b| b.call(&peer, 0, 1), &[("calls", 1), ("duplicates_stale", 1)]);
    counts(&mut bench, |b| b.ack(&peer, 0, 2), &[("acks", 1), ("kept_bytes", -3)]);
    counts(&mut bench, |b| b.ack(&peer, 0, 2), &[("acks", 1)]);
    counts(&mut bench, |b| b.call(&peer, 0, 2), &[("calls", 1), ("duplicates_without_reply", 1)]);
    bench.read(peer.conn);
    bench.served(&peer, 0, 3, READ, 5);
    counts(
        &mut bench,
        |b| b.call_of(&peer, 0, 3, READ, b"arguments"),
        &[("calls", 1), ("duplicates_not_kept", 1)],
    );
    bench.read(peer.conn);
    let late = call(0, 4, PLAIN);
    counts(&mut bench, |b| b.say(peer.conn, &late, b""), &[("calls", 1), ("refused", 1)]);
    counts(&mut bench, |b| b.say(peer.conn, &late, b""), &[("calls", 1), ("duplicates_refused", 1)]);
    assert_eq!(bench.counters().duplicates(), 8);
}

#[test]
fn each_row_of_cancels_and_acks_has_its_counter() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call(&peer, 0, 2);
    counts(
        &mut bench,
        |b| b.cancel(&peer, 0, 2),
        &[("cancels", 1), ("cancels_queued", 1), ("refused", 1), ("queued", -1)],
    );
    counts(&mut bench, |b| b.cancel(&peer, 0, 2), &[("cancels", 1), ("cancels_final", 1)]);
    counts(&mut bench, |b| b.cancel(&peer, 0, 1), &[("cancels", 1), ("cancels_stale", 1)]);
    counts(&mut bench, |b| b.cancel(&peer, 0, 3), &[("cancels", 1), ("cancels_first", 1), ("refused", 1)]);
    assert!(bench.nothing_to_run());
    bench.call(&peer, 0, 4);
    let key = bench.begin().key;
    counts(&mut bench, |b| b.cancel(&peer, 0, 4), &[("cancels", 1), ("cancels_running", 1)]);
    bench.finish(key, b"");
    counts(&mut bench, |b| b.ack(&peer, 0, 3), &[("acks_unused", 1)]);
    counts(&mut bench, |b| b.ack(&peer, 0, 5), &[("acks_unused", 1)]);
    counts(&mut bench, |b| b.ack(&peer, 0, 4), &[("acks", 1)]);
    counts(&mut bench, |b| b.ack(&peer, 1, 1), &[("acks_unused", 1), ("records", 1), ("record_bytes", 32)]);
}

#[test]
fn connections_and_sessions_are_counted_as_they_come_and_go() {
    let mut bench = Bench::plain();
    let mut peer = None;
    counts(&mut bench, |b| peer = Some(b.open()), &[("opened", 1), ("sessions", 1), ("connections", 1)]);
    let mut peer = peer.expect("opened");
    counts(&mut bench, |b| b.cut(&peer), &[("connections", -1)]);
    counts(&mut bench, |b| assert!(b.resume(&mut peer)), &[("resumed", 1), ("connections", 1)]);
    counts(&mut bench, |b| b.bye(&peer), &[("sessions", -1)]);
    counts(&mut bench, |b| assert!(!b.resume(&mut peer)), &[("lost", 1), ("connections", 1)]);
    let stranger = bench.connect();
    counts(&mut bench, |b| b.say(stranger, &Header::new(Kind::Ping), b""), &[("protocol_errors", 1)]);
}

#[test]
fn replies_counts_each_reply_frame_and_no_other() {
    let (mut bench, peer) = Bench::with_peer();
    let replies = |bench: &Bench| bench.counters().replies;
    bench.call(&peer, 0, 2);
    assert_eq!(replies(&bench), 0, "a call that waits has no reply");
    let key = bench.begin().key;
    bench.finish(key, b"abc");
    assert_eq!(replies(&bench), 1);
    bench.call(&peer, 0, 2);
    assert_eq!(replies(&bench), 1, "the reply is still unsent on this connection");
    bench.read(peer.conn);
    bench.call(&peer, 0, 2);
    assert_eq!(replies(&bench), 2, "a kept reply that was sent again");
}

#[test]
fn call_bytes_covers_each_call_that_waits_runs_or_has_a_kept_reply() {
    use crate::proto::server::call_table::{CALL_BYTES, KEPT_BYTES};
    let (mut bench, peer) = Bench::with_peer();
    let bytes = |bench: &Bench| bench.counters().call_bytes;
    bench.call(&peer, 0, 1);
    assert_eq!(bytes(&bench), CALL_BYTES, "it waits");
    let key = bench.begin().key;
    assert_eq!(bytes(&bench), CALL_BYTES, "it runs");
    bench.finish(key, b"abc");
    bench.read(peer.conn);
    assert_eq!(bytes(&bench), KEPT_BYTES, "its reply is kept, and no more of it");
    bench.call(&peer, 1, 1);
    assert_eq!(bytes(&bench), KEPT_BYTES + CALL_BYTES, "another one waits");
    bench.ack(&peer, 0, 1);
    bench.cancel(&peer, 1, 1);
    assert_eq!(bytes(&bench), 0, "acknowledged, and refused");
    const { assert!(KEPT_BYTES <= 64, "limits.rs states it") };
}
