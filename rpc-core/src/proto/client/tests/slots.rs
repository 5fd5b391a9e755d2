//! Rules of slots: the lowest free one first, also beyond 64, one call in each, each with a number above the last.

use super::*;
use crate::proto::tests::{ms, secs};

#[test]
fn the_lowest_free_slot_is_taken_first_in_every_word_of_the_bitmap() {
    for count in [1, 63, 64, 65, 128, 130, 1024] {
        let mut bench = Bench::with_slots(count);
        for tag in 0..u64::from(count) {
            bench.start(tag, LONG);
        }
        let taken: Vec<Slot> = bench.written().iter().map(|frame| frame.header.slot).collect();
        assert_eq!(taken, (0..count).collect::<Vec<Slot>>(), "{count} slots");
        bench.start(9999, LONG);
        assert!(bench.written().is_empty(), "no slot is free");
        bench.done(count - 1, 1);
        assert_eq!(names(&bench.written()), [(Kind::Call, count - 1, 2)], "the call that waited takes it");
    }
}

#[test]
fn slots_that_become_free_are_taken_again_lowest_first() {
    let mut bench = Bench::with_slots(130);
    for tag in 0..130 {
        bench.start(tag, LONG);
    }
    bench.written();
    for slot in [128, 64, 3, 63, 129] {
        bench.done(slot, 1);
    }
    for (tag, slot) in [(200, 3), (201, 63), (202, 64), (203, 128), (204, 129)] {
        bench.start(tag, LONG);
        assert_eq!(names(&bench.written()), [(Kind::Call, slot, 2)]);
    }
}

#[test]
fn each_slot_has_numbers_of_its_own_that_rise_by_one_and_are_never_used_again() {
    let mut bench = Bench::with_slots(2);
    bench.send(1, LONG);
    for seq in 1..=5 {
        bench.start(10 + seq, LONG);
        assert_eq!(names(&bench.written()), [(Kind::Call, 1, seq)]);
        bench.done(1, seq);
    }
    bench.done(0, 1);
    bench.start(20, LONG);
    assert_eq!(names(&bench.written()), [(Kind::Call, 0, 2)]);
}

#[test]
fn calls_that_wait_are_served_first_come_first_served() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    for tag in 2..=5 {
        bench.start(tag, LONG);
    }
    for seq in 1..=5 {
        bench.done(0, seq);
        assert_eq!(bench.verdict().0, seq, "tags are numbers here");
        bench.written();
    }
}

#[test]
fn v10_as_many_calls_wait_as_the_limit_and_the_next_is_refused_at_once() {
    let limits = ClientLimits { waiting: 2, ..quiet(1) };
    let mut bench = Bench::up(limits.clone());
    bench.send(1, LONG);
    bench.start(2, LONG);
    bench.start(3, LONG);
    let refused = bench.core.start(4, request(PLAIN, b"", LONG), bench.now).expect_err("two wait");
    assert_eq!(reason(&refused), Some(Reason::NoFreeSlot));
    bench.done(0, 1);
    bench.start(5, LONG);
    let mut bench = Bench::new(limits); // without a connection all of them wait
    bench.start(1, LONG);
    bench.start(2, LONG);
    assert!(bench.core.start(3, request(PLAIN, b"", LONG), bench.now).is_err());
    bench.core.abandon(1, bench.now);
    bench.start(4, LONG);
    assert_eq!(bench.core.in_flight(), 2);
}

#[test]
fn v10_a_call_that_waits_its_pause_after_busy_counts_among_those_that_wait() {
    let limits = ClientLimits { waiting: 2, ..quiet(1) };
    let mut bench = Bench::up(limits);
    bench.ask(1, retrying(LONG));
    bench.written();
    bench.busy(0, 1, 1000);
    bench.send(2, LONG); // in the slot
    bench.start(3, LONG);
    let refused =
        bench.core.start(4, request(PLAIN, b"", LONG), bench.now).expect_err("one waits, one pauses");
    assert_eq!(reason(&refused), Some(Reason::NoFreeSlot));
}

#[test]
fn the_slots_are_those_that_were_granted() {
    let mut bench = Bench::new(quiet(64));
    bench.grants.slots = 2;
    bench.connect();
    for tag in 1..=3 {
        bench.start(tag, LONG);
    }
    bench.welcome(false);
    assert_eq!(names(&bench.written()), [(Kind::Call, 0, 1), (Kind::Call, 1, 1)]);
    bench.pass(ms(10));
    bench.done(1, 1);
    assert_eq!(names(&bench.written()), [(Kind::Call, 1, 2)]);
}

#[test]
fn a_waiting_call_that_is_given_up_is_gone() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.start(2, LONG);
    bench.start(3, LONG);
    bench.core.abandon(2, bench.now);
    assert_eq!(bench.core.in_flight(), 2);
    bench.done(0, 1);
    bench.written();
    bench.done(0, 2);
    let tags: Vec<Tag> = bench.events().iter().map(|(tag, ..)| *tag).collect();
    assert_eq!(tags, [1, 3]);
}

#[test]
fn v18_when_every_call_has_its_reply_no_thread_needs_to_drive() {
    let mut bench = Bench::with_slots(70);
    for round in 1..=20 {
        for tag in 0..70 {
            bench.start(1000 * round + tag, LONG);
        }
        bench.written();
        for slot in (0..70).rev() {
            bench.done(slot, round);
        }
        assert!(!bench.core.owes() && bench.core.in_flight() == 0);
        assert_eq!(bench.events().len(), 70);
    }
    bench.pass(secs(2));
    assert!(
        bench.core.poll_timeout().is_none_or(|due| due > bench.now.plus(secs(3600))),
        "V18: no timer is left"
    );
    assert!(bench.core.calls.outgoing.buffered() == 0 && bench.core.calls.outgoing.is_empty());
}

#[test]
fn the_gauge_of_orphaned_slots_is_in_the_counters() {
    let mut bench = Bench::with_slots(3);
    for tag in 1..=3 {
        bench.send(tag, LONG);
    }
    bench.core.abandon(1, bench.now);
    bench.core.abandon(3, bench.now);
    assert_eq!(bench.core.counters().orphaned_slots, 2);
    bench.done(0, 1);
    assert_eq!(bench.core.counters().orphaned_slots, 1);
}
