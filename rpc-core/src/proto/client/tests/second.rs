//! Rules of the second session: when the first one is stuck, what moves, and what stays.

use super::*;
use crate::proto::tests::{ms, secs};

/// A client whose slots are all orphaned since now.
fn all_orphaned(slots: u16) -> Bench {
    let mut bench = Bench::with_slots(slots);
    for tag in 0..u64::from(slots) {
        bench.send(tag, LONG);
    }
    for tag in 0..u64::from(slots) {
        bench.core.abandon(tag, bench.now);
    }
    bench.written();
    bench
}

#[test]
fn v20_a_session_is_stuck_when_all_slots_were_orphaned_for_ten_seconds_and_wakes_for_it() {
    for slots in [1, 3, 70] {
        let mut bench = all_orphaned(slots);
        bench.pass(secs(10) - ms(1));
        assert!(!bench.core.is_stuck(bench.now));
        let due = bench.core.poll_timeout().expect("a timer");
        assert!(due <= bench.now.plus(ms(1)), "it wakes when it is stuck");
        bench.pass(ms(1));
        assert!(bench.core.is_stuck(bench.now), "{slots} slots");
    }
}

#[test]
fn the_time_follows_its_limit() {
    let mut bench = Bench::up(ClientLimits { all_orphaned: secs(3), ..quiet(1) });
    bench.send(1, LONG);
    bench.core.abandon(1, bench.now);
    bench.pass(secs(3) - ms(1));
    assert!(!bench.core.is_stuck(bench.now));
    bench.pass(ms(1));
    assert!(bench.core.is_stuck(bench.now));
}

#[test]
fn one_slot_that_is_not_orphaned_keeps_the_session_from_being_stuck() {
    let mut bench = Bench::with_slots(3);
    for tag in 0..3 {
        bench.send(tag, LONG);
    }
    bench.core.abandon(0, bench.now);
    bench.core.abandon(1, bench.now);
    bench.pass(secs(100));
    assert!(!bench.core.is_stuck(bench.now), "the third call is still waited for");
    bench.core.abandon(2, bench.now);
    bench.pass(secs(10) - ms(1));
    assert!(!bench.core.is_stuck(bench.now), "the time begins with the last one");
    bench.pass(ms(1));
    assert!(bench.core.is_stuck(bench.now));
}

#[test]
fn a_reply_ends_the_time_and_it_begins_anew() {
    let mut bench = all_orphaned(2);
    bench.pass(secs(9));
    bench.done(0, 1);
    bench.send(7, LONG);
    bench.core.abandon(7, bench.now);
    bench.pass(secs(9));
    assert!(!bench.core.is_stuck(bench.now));
    bench.pass(secs(1));
    assert!(bench.core.is_stuck(bench.now));
}

#[test]
fn a_session_without_a_connection_is_not_stuck_but_away() {
    let mut bench = all_orphaned(1);
    bench.pass(secs(11));
    bench.cut();
    assert!(!bench.core.is_stuck(bench.now));
    bench.connect();
    bench.welcome(true);
    assert!(bench.core.is_stuck(bench.now), "the time goes on");
    bench.cut();
    bench.connect();
    bench.hears(&Header::new(Kind::SessionLost), &[0; 16]);
    bench.cut();
    bench.start(9, LONG);
    bench.connect();
    bench.welcome(false);
    assert!(!bench.core.is_stuck(bench.now), "a new session has no orphaned slots");
}

/// A stuck client with one call that waits, one that waits its pause after 'busy', and a successor.
fn stuck() -> (Bench, Bench) {
    let mut bench = Bench::with_slots(2);
    bench.ask(50, retrying(LONG));
    bench.written();
    bench.busy(0, 1, 20_000); // 50 waits 20 to 40 s
    bench.send(1, ms(10));
    bench.send(2, LONG);
    bench.pass(ms(10));
    assert_eq!(bench.verdict(), (1, unknown(UnknownCause::Deadline)));
    bench.core.abandon(2, bench.now);
    bench.start(60, LONG); // waits for a slot
    bench.pass(secs(10));
    assert!(bench.core.is_stuck(bench.now));
    let mut successor = Bench::seeded(ClientLimits { resend_first: LONG, ..quiet(2) }, 2);
    successor.now = bench.now;
    successor.grants.session = SessionId(6);
    bench.core.move_waiting_to(&mut successor.core);
    (bench, successor)
}

#[test]
fn v16_calls_that_wait_and_calls_that_pause_move_to_the_second_session_and_get_their_replies_there() {
    let (mut first, mut second) = stuck();
    assert_eq!((second.core.in_flight(), first.core.in_flight()), (2, 0));
    assert!(second.core.owes());
    second.connect();
    second.welcome(false);
    assert_eq!(names(&second.written()), [(Kind::Call, 0, 1)], "60 goes at once");
    second.done(0, 1);
    assert_eq!(second.verdict(), (60, done()));
    let calls = second.times_of(Kind::Call, secs(40));
    assert_eq!(calls.len(), 1, "50 goes when its pause is over");
    second.done(0, 2);
    assert_eq!(second.verdict(), (50, done()));
    assert!(!second.core.owes() && first.events().is_empty());
}

#[test]
fn v11_calls_that_moved_have_their_verdict_by_their_deadline_even_if_the_second_session_never_stands() {
    let mut first = all_orphaned(1);
    first.start(5, secs(20));
    first.pass(secs(10));
    let mut second = Bench::new(quiet(1));
    second.now = first.now;
    first.core.move_waiting_to(&mut second.core);
    second.pass(secs(10));
    assert_eq!(reason(&second.verdict().1), Some(Reason::Unreachable));
    assert!(first.events().is_empty());
}

#[test]
fn orphaned_slots_stay_with_the_first_session_and_are_resolved_there() {
    let (mut first, second) = stuck();
    assert_eq!((first.core.orphaned_slots(), second.core.orphaned_slots()), (2, 0));
    assert!(first.core.owes(), "its CANCELs go on");
    assert!(!first.times_of(Kind::Cancel, secs(40)).is_empty());
    first.done(0, 2);
    assert_eq!(first.events(), [(1, true, done())]);
    first.done(1, 1);
    assert!(first.events().is_empty());
    assert_eq!((first.core.orphaned_slots(), first.core.owes()), (0, false));
    first.core.close(first.now);
    assert_eq!(kinds(&first.written()), [Kind::Bye]);
}

#[test]
fn v7_a_repeated_call_keeps_its_earlier_verdict_in_the_second_session() {
    let mut first = Bench::with_slots(2);
    first.send(1, LONG);
    first.core.abandon(1, first.now); // slot 0 is orphaned
    first.written();
    first.ask(9, repeating(LONG));
    first.written();
    first.start(10, LONG); // waits for a slot, and is first to get it
    first.hears(&Header { millis: 1, ..reply(1, 1, Status::ReplyLost) }, b"");
    assert!(first.events().is_empty());
    let mut second = Bench::new(quiet(1));
    second.now = first.now;
    first.core.move_waiting_to(&mut second.core);
    second.connect();
    second.welcome(false);
    second.pass(secs(60));
    second.reply(0, 1, Status::Refused(Reason::Cancelled), b"");
    assert!(matches!(second.verdict(), (9, Outcome::ReplyLost(_))));
}
