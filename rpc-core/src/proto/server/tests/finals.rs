//! Rules of records that are final: each outcome is settled once; and calls whose number or slot is out of range.

use super::*;
use crate::ids::SEQ_END;
use crate::limits::MAX_DETAIL;
use crate::proto::tests::LOOK;
use std::sync::atomic::Ordering;

#[test]
fn the_last_slot_is_inside_the_session_and_the_next_one_is_not() {
    for kind in [Kind::Call, Kind::Cancel, Kind::Ack] {
        for (slot, inside) in [(3, true), (4, false), (u16::MAX, false)] {
            let (mut bench, peer) = Bench::with_peer();
            bench.say(peer.conn, &Header { millis: 9, ..Header::for_call(kind, slot, 1) }, b"");
            assert_eq!(bench.is_rejected(peer.conn), !inside, "{kind:?} in slot {slot} of 4");
        }
    }
}

#[test]
fn numbers_begin_at_one_and_end_below_the_limit() {
    for kind in [Kind::Call, Kind::Cancel, Kind::Ack] {
        for (seq, inside) in [(0, false), (1, true), (SEQ_END - 1, true), (SEQ_END, false), (u64::MAX, false)]
        {
            let (mut bench, peer) = Bench::with_peer();
            bench.say(peer.conn, &Header { millis: 9, ..Header::for_call(kind, 0, seq) }, b"");
            assert_eq!(bench.is_rejected(peer.conn), !inside, "{kind:?} {seq}");
        }
    }
}

#[test]
fn v3_numbers_may_be_skipped_and_only_a_higher_one_over_a_final_record_begins() {
    let (mut bench, peer) = Bench::with_peer();
    for seq in [1, 2, 7, SEQ_END - 1] {
        bench.served(&peer, 0, seq, PLAIN, 1);
    }
    for seq in [1, 3, 7, SEQ_END - 2] {
        bench.call(&peer, 0, seq);
        bench.cancel(&peer, 0, seq);
        bench.ack(&peer, 0, seq);
    }
    assert!(bench.nothing_to_run() && bench.read_replies(&peer).is_empty());
    let counters = bench.counters();
    assert_eq!((counters.duplicates_stale, counters.cancels_stale, counters.acks_unused), (4, 4, 4));
}

#[test]
fn slots_do_not_wait_for_each_other_and_each_has_a_record_of_its_own() {
    let mut bench = Bench::plain();
    let peer = bench.try_open(None, &hello(130)).expect("room");
    for slot in [0, 63, 64, 65, 129] {
        bench.call(&peer, slot, 1 + u64::from(slot));
    }
    let keys: Vec<CallKey> = (0..5).map(|_| bench.begin().key).collect();
    for key in keys.iter().rev() {
        bench.finish(*key, &[key.slot as u8]);
    }
    let frames = bench.read(peer.conn);
    let bodies: Vec<(Slot, u8)> = frames.iter().map(|f| (f.header.slot, f.body[0])).collect();
    assert_eq!(bodies, [(129, 129), (65, 65), (64, 64), (63, 63), (0, 0)]);
    assert_eq!((bench.counters().records, bench.counters().record_bytes), (5, 5 * 32));
}

#[test]
fn v5_cancel_and_deadline_do_not_change_what_a_running_call_replies() {
    let (mut bench, peer) = Bench::with_peer();
    bench.say(peer.conn, &Header { millis: 10, ..call(0, 1, LOOK) }, b"");
    let ready = bench.begin();
    bench.cancel(&peer, 0, 1);
    bench.pass(Duration::from_secs(20));
    assert!(ready.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)));
    assert!(bench.read_replies(&peer).is_empty());
    bench.finish(ready.key, b"ran");
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Done)]);
    assert_eq!((bench.counters().cancels_running, bench.counters().refused), (1, 0));
}

#[test]
fn only_the_call_that_is_cancelled_is_told() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call_of(&peer, 0, 1, LOOK, b"");
    bench.call_of(&peer, 1, 1, LOOK, b"");
    let (first, second) = (bench.begin(), bench.begin());
    bench.cancel(&peer, 1, 1);
    let told = |ready: &ReadyCall| ready.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed));
    assert_eq!((told(&first), told(&second)), (false, true));
}

#[test]
fn a_stubs_refusal_carries_its_text_cut_to_the_limit_and_its_duplicate_carries_none() {
    let (mut bench, peer) = Bench::with_peer();
    bench.call(&peer, 0, 1);
    let key = bench.begin().key;
    bench.core.finish(key, refused(Reason::BadArguments), &[b'x'; 2 * MAX_DETAIL], bench.now);
    let frames = bench.read(peer.conn);
    assert_eq!((replies(&frames), frames[0].body.len()), (vec![(0, 1, refused(Reason::BadArguments))], 1024));
    bench.call(&peer, 0, 1);
    assert!(bench.read(peer.conn)[0].body.is_empty());
    assert_eq!((bench.counters().refused, bench.counters().running, bench.counters().executions), (1, 0, 1));
}

#[test]
fn v8_a_reply_goes_only_to_the_connection_that_is_attached_and_to_none_if_there_is_none() {
    let (mut bench, mut peer) = Bench::with_peer();
    let other = bench.open();
    bench.call(&peer, 0, 1);
    bench.call(&peer, 1, 1);
    let (first, second) = (bench.begin().key, bench.begin().key);
    bench.say(peer.conn, &Header::for_call(Kind::Call, 99, 1), b""); // rejected: attached no longer
    bench.read(peer.conn);
    bench.finish(first, b"1");
    assert!(bench.read_replies(&peer).is_empty() && bench.read_replies(&other).is_empty());
    let older = peer.conn;
    assert!(bench.resume(&mut peer));
    bench.finish(second, b"2");
    assert_eq!(bench.read_replies(&peer), [(1, 1, Status::Done)]);
    assert!(bench.unsent(older).is_empty() && bench.read_replies(&other).is_empty());
}

#[test]
fn a_second_reply_after_an_oversize_body_is_compared_by_its_length() {
    let mut bench = Bench::new(ServerLimits { max_frame: 10, ..ServerLimits::default() });
    let peer = bench.open();
    bench.call_of(&peer, 0, 1, PLAIN, &[1; 11]);
    let frames = bench.read(peer.conn);
    assert_eq!(replies(&frames), [(0, 1, refused(Reason::TooLarge))]);
    let text = String::from_utf8_lossy(&frames[0].body).into_owned();
    assert!(text.contains("11") && text.contains("10"), "{text}");
    bench.call_of(&peer, 0, 1, PLAIN, &[1; 12]);
    assert!(bench.is_rejected(peer.conn), "another length is another call");
}

#[test]
fn with_the_filter_off_a_duplicate_of_a_call_that_runs_or_ran_runs_within_the_queues_bounds() {
    let limits = ServerLimits { queue: 1, max_frame: 10, ..ServerLimits::default() };
    let mut bench = Bench::with(limits, 0, 1, false);
    let peer = bench.open();
    bench.call(&peer, 0, 1);
    bench.call(&peer, 0, 1); // still queued: nothing
    let key = bench.begin().key;
    assert!(bench.nothing_to_run());
    bench.call(&peer, 0, 1);
    bench.call(&peer, 0, 1); // no room for a second duplicate
    assert_eq!(bench.counters().duplicates_executed, 1);
    let duplicate = bench.begin().key;
    assert_eq!(bench.counters().running, 2);
    bench.finish(key, b"first");
    bench.finish(duplicate, b"duplicate");
    assert_eq!(bench.read_replies(&peer).len(), 2);
    assert_eq!((bench.counters().running, bench.counters().executions), (0, 2));
    bench.call(&peer, 0, 1);
    bench.run(1);
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Done)], "an acknowledged or kept one runs as well");
}

#[test]
fn an_ack_of_a_call_that_has_no_reply_yet_breaks_the_protocol() {
    for is_running in [false, true] {
        let mut bench = Bench::plain();
        let peer = bench.open();
        bench.call(&peer, 0, 1);
        if is_running {
            bench.begin();
        }
        bench.ack(&peer, 0, 1);
        assert!(bench.is_rejected(peer.conn));
        assert_eq!(bench.counters().acks, 0);
    }
}

#[test]
#[should_panic(expected = "V12: a call ends once")]
fn v12_a_call_that_has_ended_does_not_end_again() {
    let mut bench = Bench::plain();
    let peer = bench.open();
    bench.call(&peer, 0, 1);
    bench.call(&peer, 1, 1);
    let key = bench.begin().key;
    bench.begin();
    bench.finish(key, b"r");
    bench.finish(key, b"r");
}

#[test]
fn v6_a_call_whose_body_was_changed_on_the_way_does_not_run() {
    let mut bench = Bench::plain();
    let peer = bench.open();
    let header = Header { millis: 1000, ..call(0, 1, PLAIN) };
    let mut bytes = encoded(&header, b"arguments").to_vec();
    *bytes.last_mut().expect("a body") ^= 1;
    bench.core.handle_input(peer.conn, bytes.into(), bench.now);
    assert!(bench.is_rejected(peer.conn) && bench.nothing_to_run());
}

/// A server whose filter is off.
fn unfiltered() -> (Bench, Peer) {
    let mut bench = Bench::with(ServerLimits::default(), 0, 1, false);
    let peer = bench.open();
    (bench, peer)
}

#[test]
fn without_a_filter_a_duplicate_replies_with_its_own_status_and_not_before_its_original() {
    let (mut bench, peer) = unfiltered();
    bench.call(&peer, 0, 1);
    let original = bench.begin().key;
    bench.call(&peer, 0, 1);
    let early = bench.begin().key;
    bench.call(&peer, 0, 1);
    let late = bench.begin().key;
    bench.core.finish(early, Status::Failed, b"", bench.now);
    assert!(bench.read_replies(&peer).is_empty(), "V3: the client would go on to its next call");
    bench.finish(original, b"r");
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Done)]);
    bench.core.finish(late, Status::Failed, b"", bench.now);
    assert_eq!(bench.read_replies(&peer), [(0, 1, Status::Failed)]);
}

#[test]
fn v7_without_a_filter_a_call_that_was_refused_does_not_run_even_if_the_refusal_is_acknowledged() {
    let (mut bench, peer) = unfiltered();
    bench.say(peer.conn, &call(0, 1, PLAIN), b"arguments"); // no time left
    assert_eq!(bench.read_replies(&peer), [(0, 1, refused(Reason::Deadline))]);
    bench.ack(&peer, 0, 1);
    bench.call(&peer, 0, 1);
    assert!(bench.nothing_to_run());
    assert_eq!(bench.counters().duplicates_without_reply, 1);
}
