//! Rules of deadlines: each call has its verdict at its deadline, and what it says depends on where the call was (V11).

use super::*;
use crate::proto::tests::{ms, secs};

/// Passes time to just before and then to the deadline, and gives the one verdict that comes then.
fn at_deadline(bench: &mut Bench, within: Duration) -> Outcome {
    bench.pass(within - Duration::from_micros(1));
    assert!(bench.events().is_empty(), "V11: not before its deadline");
    bench.pass(Duration::from_micros(1));
    bench.verdict().1
}

#[test]
fn v11_a_sent_call_is_unknown_at_its_deadline() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, ms(700));
    assert_eq!(at_deadline(&mut bench, ms(700)), unknown(UnknownCause::Deadline));
    assert_eq!(bench.core.orphaned_slots(), 1);
}

#[test]
fn v11_a_call_that_no_thread_sent_was_not_executed_and_its_slot_is_free() {
    let mut bench = Bench::with_slots(1);
    bench.start(1, ms(700));
    bench.now = bench.now.plus(ms(700));
    assert!(bench.core.poll_timeout().is_some_and(|due| due <= bench.now), "it wakes for it");
    bench.core.handle_timeout(bench.now);
    assert_eq!(reason(&bench.verdict().1), Some(Reason::Deadline));
    assert!(!bench.core.owes());
    assert!(bench.written().is_empty());
}

#[test]
fn v11_a_call_that_waits_for_a_slot_was_not_executed_for_want_of_one() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.start(2, ms(900));
    bench.start(3, ms(400));
    bench.start(4, LONG);
    let outcome = at_deadline(&mut bench, ms(400));
    assert_eq!(reason(&outcome), Some(Reason::NoFreeSlot));
    let outcome = at_deadline(&mut bench, ms(500));
    assert_eq!(reason(&outcome), Some(Reason::NoFreeSlot));
    bench.done(0, 1);
    bench.written();
    bench.done(0, 2);
    let tags: Vec<Tag> = bench.events().iter().map(|(tag, ..)| *tag).collect();
    assert_eq!(tags, [1, 4], "the others went on");
}

#[test]
fn v11_without_a_connection_a_call_is_unreachable_and_the_text_says_why() {
    let mut bench = Bench::new(quiet(1));
    bench.start(1, ms(700));
    bench.wait_until_it_connects();
    bench.core.handle_disconnected("no route", bench.now);
    bench.pass(ms(700));
    let (_, outcome) = bench.verdict();
    assert_eq!(outcome, Outcome::NotExecuted(Reason::Unreachable, "no route".to_owned()));
}

#[test]
fn v11_a_call_whose_connection_is_lost_has_its_verdict_in_time_all_the_same() {
    let mut bench = Bench::with_slots(2);
    bench.send(1, ms(700));
    bench.cut();
    bench.start(2, ms(800));
    assert_eq!(at_deadline(&mut bench, ms(700)), unknown(UnknownCause::Deadline));
    assert_eq!(reason(&at_deadline(&mut bench, ms(100))), Some(Reason::Unreachable));
}

#[test]
fn v11_while_the_server_drains_a_call_that_waits_was_not_executed_for_that() {
    let mut bench = Bench::with_slots(2);
    bench.send(1, LONG);
    bench.hears_kind(Kind::GoAway);
    bench.start(2, ms(700));
    assert!(bench.written().is_empty());
    assert_eq!(reason(&at_deadline(&mut bench, ms(700))), Some(Reason::Draining));
}

#[test]
fn v11_the_nearest_deadline_is_woken_for_whatever_the_order_of_starts() {
    for order in [[300, 100, 200], [100, 200, 300], [200, 300, 100]] {
        let mut bench = Bench::with_slots(3);
        for within in order {
            bench.start(within, ms(within));
        }
        bench.written();
        let mut ended = Vec::new();
        for step in 1..=3 {
            bench.pass(ms(100));
            ended.extend(bench.events().into_iter().map(|(tag, ..)| (step, tag)));
        }
        assert_eq!(ended, [(1, 100), (2, 200), (3, 300)]);
    }
}

#[test]
fn v11_a_reply_that_is_read_at_the_deadline_or_later_is_no_verdict_and_resolves_the_call() {
    for status in [Status::Done, Status::Failed, Status::Panicked, Status::ReplyLost] {
        for (after, in_time) in [(ms(699), true), (ms(700), false), (ms(900), false)] {
            let mut bench = Bench::with_slots(1);
            bench.send(1, ms(700));
            bench.now = bench.now.plus(after); // the timer has not been looked at
            bench.reply(0, 1, status, b"r");
            bench.core.handle_timeout(bench.now);
            let events = bench.events();
            let verdict = &events[0].2;
            assert_eq!(*verdict != unknown(UnknownCause::Deadline), in_time, "{status:?} after {after:?}");
            assert_eq!(events.len(), if in_time { 1 } else { 2 });
            let (tag, late, outcome) = events.last().expect("one or two");
            assert!(*tag == 1 && *late != in_time && outcome.has_run());
            assert!(!bench.core.owes(), "V18: the slot is free");
        }
    }
}

#[test]
fn a_refusal_that_is_there_before_the_timers_beats_the_deadline() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, ms(700));
    bench.now = bench.now.plus(ms(700));
    bench.reply(0, 1, Status::Refused(Reason::Deadline), b"");
    bench.core.handle_timeout(bench.now);
    assert_eq!(reason(&bench.verdict().1), Some(Reason::Deadline));
}

#[test]
fn a_slot_that_becomes_free_by_a_deadline_is_given_to_the_call_that_waits() {
    let mut bench = Bench::with_slots(1);
    bench.start(1, ms(100));
    bench.start(2, ms(500));
    bench.now = bench.now.plus(ms(100));
    bench.core.handle_timeout(bench.now);
    assert_eq!(reason(&bench.verdict().1), Some(Reason::Deadline));
    assert_eq!(names(&bench.written()), [(Kind::Call, 0, 2)]);
    assert_eq!(at_deadline(&mut bench, ms(400)), unknown(UnknownCause::Deadline));
}

#[test]
fn a_deadline_of_nothing_has_its_verdict_at_once_and_nothing_is_sent() {
    let mut bench = Bench::with_slots(1);
    bench.start(1, Duration::ZERO);
    assert!(bench.written().is_empty());
    bench.pass(Duration::ZERO);
    assert_eq!(reason(&bench.verdict().1), Some(Reason::Deadline));
    assert!(bench.pass(secs(10)).is_empty());
}
