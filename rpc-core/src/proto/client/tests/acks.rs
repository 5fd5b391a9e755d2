//! Rules of ACK: of a reply that has arrived, within a second, at once for a long one, and never of a number that was skipped.

use super::*;
use crate::proto::tests::{ms, secs};

fn replied(size: usize) -> Bench {
    let mut bench = Bench::with_slots(2);
    bench.send(1, LONG);
    bench.reply(0, 1, Status::Done, &vec![7; size]);
    bench
}

#[test]
fn v20_a_short_reply_is_acknowledged_one_second_later_once() {
    let mut bench = replied(4095);
    assert!(bench.written().is_empty());
    let begin = bench.now;
    let frames = bench.pass(secs(1000));
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].0, begin.plus(secs(1)));
    assert_eq!(names(&[frames[0].1.clone()]), [(Kind::Ack, 0, 1)]);
}

#[test]
fn a_long_reply_is_acknowledged_at_once_and_not_again() {
    let mut bench = replied(4096);
    assert_eq!(names(&bench.written()), [(Kind::Ack, 0, 1)]);
    assert!(bench.pass(secs(1000)).is_empty());
}

#[test]
fn the_times_and_sizes_follow_their_limits() {
    let limits = ClientLimits { ack_delay: ms(30), ack_at_once: 10, ..quiet(1) };
    let mut bench = Bench::up(limits);
    bench.send(1, LONG);
    bench.reply(0, 1, Status::Done, &[7; 9]);
    assert!(bench.pass(ms(29)).is_empty());
    assert_eq!(bench.pass(ms(1)).len(), 1);
    bench.send(2, LONG);
    bench.reply(0, 2, Status::Done, &[7; 10]);
    assert_eq!(names(&bench.written()), [(Kind::Ack, 0, 2)]);
}

#[test]
fn the_next_call_of_a_slot_takes_the_place_of_its_acknowledgement() {
    let mut bench = replied(10);
    bench.pass(ms(999));
    bench.send(2, LONG);
    let frames = bench.pass(ms(500));
    assert!(frames.is_empty(), "{frames:?}");
    bench.done(0, 2);
    let frames: Vec<Frame> = bench.pass(secs(10)).into_iter().map(|(_, frame)| frame).collect();
    assert_eq!(names(&frames), [(Kind::Ack, 0, 2)]);
}

#[test]
fn each_slot_with_a_reply_has_its_own_time() {
    let mut bench = Bench::with_slots(3);
    for tag in 1..=3 {
        bench.send(tag, LONG);
    }
    for slot in [2, 0, 1] {
        bench.done(slot, 1);
        bench.pass(ms(100));
    }
    let begin = bench.now;
    let frames = bench.pass(secs(2));
    let times: Vec<_> = frames.iter().map(|(at, f)| (at.since(begin), f.header.slot)).collect();
    assert_eq!(times, [(ms(700), 2), (ms(800), 0), (ms(900), 1)]);
}

#[test]
fn an_orphaned_slots_reply_is_acknowledged_like_any_other() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.core.abandon(1, bench.now);
    bench.written();
    bench.done(0, 1);
    let frames: Vec<Frame> = bench.pass(secs(2)).into_iter().map(|(_, frame)| frame).collect();
    assert_eq!(names(&frames), [(Kind::Ack, 0, 1)]);
}

#[test]
fn after_a_resume_every_free_slot_with_a_reply_is_acknowledged_at_once() {
    let mut bench = Bench::with_slots(3);
    for tag in 1..=3 {
        bench.send(tag, LONG);
    }
    bench.done(0, 1);
    bench.pass(secs(2)); // acknowledged already, but that may be lost
    bench.done(1, 1);
    bench.resume();
    let mut frames = names(&bench.written());
    frames.sort_by_key(|(_, slot, _)| *slot);
    assert_eq!(frames, [(Kind::Ack, 0, 1), (Kind::Ack, 1, 1), (Kind::Call, 2, 1)]);
    let again = bench.pass(secs(100));
    assert!(
        again.iter().all(|(_, frame)| frame.header.kind == Kind::Call),
        "no ACK is sent again by a timer"
    );
}

#[test]
fn a_skipped_number_is_never_acknowledged_and_the_reply_before_it_is() {
    for goes_away in [false, true] {
        let mut bench = Bench::with_slots(2);
        bench.send(1, LONG);
        bench.send(9, LONG); // keeps the session in use
        bench.done(0, 1);
        bench.start(2, LONG);
        bench.core.abandon(2, bench.now); // never sent: number 2 is skipped
        bench.start(3, ms(10));
        bench.now = bench.now.plus(ms(10));
        bench.core.handle_timeout(bench.now); // its deadline passes unsent: number 3 is skipped too
        if goes_away {
            bench.hears_kind(Kind::GoAway);
            assert_eq!(names(&bench.written()), [(Kind::Ack, 0, 1)]);
        } else {
            bench.resume();
            assert_eq!(names(&bench.written()), [(Kind::Ack, 0, 1), (Kind::Call, 1, 1)]);
        }
    }
}

#[test]
fn an_unsent_call_that_is_taken_back_on_goaway_leaves_its_slots_reply_to_be_acknowledged() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.done(0, 1);
    bench.start(2, LONG);
    bench.hears_kind(Kind::GoAway);
    assert_eq!(names(&bench.written()), [(Kind::Ack, 0, 1), (Kind::Bye, 0, 0)]);
}

#[test]
fn a_slot_without_a_reply_is_never_acknowledged() {
    let mut bench = Bench::with_slots(2);
    bench.start(1, LONG);
    bench.start(2, LONG);
    bench.core.abandon(1, bench.now);
    bench.written();
    bench.resume();
    assert_eq!(names(&bench.written()), [(Kind::Call, 1, 1)]);
    bench.hears_kind(Kind::GoAway);
    assert!(bench.written().is_empty());
}

#[test]
fn an_acknowledgement_that_falls_due_without_a_session_is_said_after_the_resume_and_leaves_no_timer() {
    let mut bench = Bench::up(ClientLimits { resend_first: LONG, ..quiet(2) });
    bench.send(1, LONG);
    bench.send(2, LONG);
    bench.done(0, 1);
    bench.cut();
    bench.connect();
    bench.pass(ms(1500));
    bench.welcome(true);
    assert_eq!(names(&bench.written()), [(Kind::Ack, 0, 1), (Kind::Call, 1, 1)]);
    assert!(bench.pass(secs(10)).is_empty());
}

#[test]
fn on_goaway_replies_are_acknowledged_at_once_even_those_that_were_before() {
    let mut bench = Bench::with_slots(3);
    for tag in 1..=3 {
        bench.send(tag, LONG);
    }
    bench.done(0, 1);
    bench.pass(secs(2));
    bench.done(1, 1);
    bench.hears_kind(Kind::GoAway);
    assert_eq!(names(&bench.written()), [(Kind::Ack, 0, 1), (Kind::Ack, 1, 1)]);
    bench.done(2, 1);
    assert_eq!(names(&bench.written()), [(Kind::Ack, 2, 1), (Kind::Bye, 0, 0)], "the last one, and BYE");
}

#[test]
fn v20_an_acknowledgement_is_woken_for_although_no_other_timer_is_near() {
    let mut bench = Bench::up(ClientLimits { resend_first: LONG, ..quiet(1) });
    bench.pass(secs(1));
    bench.send(1, LONG);
    bench.core.handle_timeout(bench.now);
    bench.pass(secs(100));
    bench.done(0, 1);
    let begin = bench.now;
    assert_eq!(bench.times_of(Kind::Ack, secs(10)), [begin.plus(secs(1))]);
}
