//! Rules of 'sent': from the moment that a call's bytes are handed to be written it may run; before that it never does.

use super::*;
use crate::proto::tests::{ms, secs};

#[test]
fn v16_calls_that_waited_in_the_buffer_of_a_lost_connection_are_sent_again_after_the_resume() {
    for flushed in [false, true] {
        let mut bench = Bench::with_slots(3);
        for tag in 1..=3 {
            bench.start(tag, LONG);
        }
        assert_eq!(bench.transmitted().len(), 3);
        if flushed {
            bench.core.handle_flushed(bench.now);
        }
        for round in 0..3 {
            bench.cut();
            bench.connect();
            bench.welcome(true);
            let again = bench.transmitted();
            assert_eq!(
                names(&again),
                [(Kind::Call, 0, 1), (Kind::Call, 1, 1), (Kind::Call, 2, 1)],
                "round {round}"
            );
        }
        bench.core.handle_flushed(bench.now);
        assert_eq!(bench.times_of(Kind::Call, secs(1)).len(), 3, "and their retransmissions are due again");
    }
}

#[test]
fn v7_a_call_whose_bytes_died_in_the_buffer_counts_as_sent() {
    let mut bench = Bench::with_slots(1);
    bench.start(1, secs(10));
    bench.transmitted();
    bench.cut();
    bench.connect();
    bench.hears(&Header::new(Kind::SessionLost), &[0; 16]);
    assert_eq!(bench.verdict(), (1, unknown(UnknownCause::SessionLost)));
}

#[test]
fn v7_only_what_was_handed_to_be_written_counts_as_sent() {
    let limits = ClientLimits { write_batch: 1, ..quiet(3) };
    let mut bench = Bench::up(limits);
    for tag in 1..=3 {
        bench.start(tag, ms(100));
    }
    let mut out = Vec::new();
    bench.core.poll_transmit(&mut out, bench.now);
    assert_eq!(decoded(&out, true).len(), 1, "a batch is one frame here");
    bench.core.poll_transmit(&mut out, bench.now);
    assert_eq!(decoded(&out, true).len(), 1, "and what waits in the buffer counts towards it");
    bench.now = bench.now.plus(ms(100));
    bench.core.handle_timeout(bench.now);
    let events = bench.events();
    assert_eq!(events[0], (1, false, unknown(UnknownCause::Deadline)));
    assert_eq!((events[1].0, reason(&events[1].2)), (2, Some(Reason::Deadline)));
    assert_eq!((events[2].0, reason(&events[2].2)), (3, Some(Reason::Deadline)));
}

#[test]
fn a_batch_ends_with_the_frame_that_fills_it() {
    let limits = ClientLimits { write_batch: 100, ..quiet(5) };
    let mut bench = Bench::up(limits);
    for tag in 1..=5 {
        bench.ask(tag, request(PLAIN, &[1; 14], LONG)); // frames of 50 bytes
    }
    assert_eq!(bench.transmitted().len(), 2);
    assert!(bench.core.wants_transmit());
    assert_eq!((bench.transmitted().len(), bench.transmitted().len()), (2, 1));
    assert!(!bench.core.wants_transmit());
}

#[test]
fn a_call_that_was_given_up_unsent_never_leaves_and_its_slot_is_free_at_once() {
    let mut bench = Bench::with_slots(1);
    bench.start(1, LONG);
    bench.start(2, LONG); // waits
    bench.core.abandon(1, bench.now);
    let frames = bench.written();
    assert_eq!(names(&frames), [(Kind::Call, 0, 2)], "number 1 is skipped, and no CANCEL is needed");
    assert_eq!((bench.core.orphaned_slots(), bench.core.in_flight()), (0, 1));
    bench.done(0, 2);
    assert_eq!(bench.verdict(), (2, done()));
}

#[test]
fn a_call_that_was_given_up_after_it_was_sent_is_cancelled_and_holds_its_slot() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.start(2, LONG);
    bench.core.abandon(1, bench.now);
    assert_eq!(names(&bench.written()), [(Kind::Cancel, 0, 1)]);
    assert_eq!((bench.core.orphaned_slots(), bench.core.in_flight()), (1, 1));
    assert!(bench.core.owes());
    bench.done(0, 1);
    assert!(bench.events().is_empty(), "no caller asks");
    assert_eq!(names(&bench.written()), [(Kind::Call, 0, 2)]);
}

#[test]
fn a_call_given_up_while_there_is_no_connection_is_cancelled_after_the_resume() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.cut();
    bench.core.abandon(1, bench.now);
    bench.connect();
    bench.welcome(true);
    assert_eq!(names(&bench.written()), [(Kind::Cancel, 0, 1)]);
}

#[test]
fn a_lost_session_ends_sent_calls_and_keeps_unsent_ones_in_their_order() {
    let mut bench = Bench::with_slots(3);
    bench.send(1, LONG);
    for tag in 2..=5 {
        bench.start(tag, LONG); // 2 and 3 in slots, 4 and 5 wait
    }
    bench.cut();
    bench.connect();
    bench.hears(&Header::new(Kind::SessionLost), &[0; 16]);
    assert_eq!(bench.events(), [(1, false, unknown(UnknownCause::SessionLost))]);
    bench.cut();
    bench.connect();
    bench.grants.session = SessionId(6);
    bench.welcome(false);
    bench.written();
    for (slot, tag) in [(0, 2), (1, 3), (2, 4), (0, 5)] {
        bench.done(slot, if tag == 5 { 2 } else { 1 });
        assert_eq!(bench.verdict(), (tag, done()));
        bench.written();
    }
}

#[test]
fn a_client_whose_driver_panicked_leaves_the_session_at_once_and_unsent_calls_go_on() {
    let mut bench = Bench::with_slots(2);
    bench.send(1, LONG);
    bench.start(2, LONG);
    bench.core.abandon_session(bench.now);
    assert_eq!(bench.events(), [(1, false, unknown(UnknownCause::SessionLost))]);
    assert!(bench.written().is_empty(), "without a word");
    bench.connect();
    bench.welcome(false);
    assert_eq!(names(&bench.written()), [(Kind::Call, 0, 1)]);
    bench.done(0, 1);
    assert_eq!(bench.verdict(), (2, done()));
}

#[test]
fn close_says_bye_and_each_call_has_its_verdict_and_no_other_begins() {
    let mut bench = Bench::with_slots(3);
    bench.ask(1, retrying(LONG));
    bench.written();
    bench.busy(0, 1, 1000); // 1 waits its pause
    bench.send(2, LONG);
    bench.send(4, ms(10));
    bench.pass(ms(10));
    bench.events();
    bench.start(3, LONG);
    bench.core.close(bench.now);
    let mut events = bench.events();
    events.sort_by_key(|(tag, ..)| *tag);
    assert_eq!((events[0].0, reason(&events[0].2)), (1, Some(Reason::Closed)));
    assert_eq!(events[1], (2, false, unknown(UnknownCause::Closed)));
    assert_eq!(events[3], (4, true, unknown(UnknownCause::Closed)));
    assert_eq!(events.len(), 4);
    assert_eq!(kinds(&bench.written()), [Kind::Bye]);
    assert!(bench.core.wants_close() && bench.core.is_closed() && !bench.core.owes());
    let refused = bench.core.start(9, request(PLAIN, b"", LONG), bench.now).expect_err("it is closed");
    assert_eq!(reason(&refused), Some(Reason::Closed));
    bench.cut();
    bench.pass(secs(10));
    assert!(!bench.core.poll_connect(bench.now));
}

#[test]
fn close_without_a_connection_needs_no_bye() {
    let mut bench = Bench::new(quiet(1));
    bench.start(1, LONG);
    bench.core.close(bench.now);
    assert!(bench.core.wants_close() && bench.written().is_empty());
    assert_eq!(reason(&bench.verdict().1), Some(Reason::Closed));
    bench.core.close(bench.now);
    assert!(bench.events().is_empty());
}

#[test]
fn v20_a_call_that_is_in_the_buffer_has_no_timer_before_its_first_pause_is_over() {
    let mut bench = Bench::with_slots(1);
    bench.pass(secs(10));
    bench.start(1, LONG);
    assert_eq!(bench.transmitted().len(), 1);
    let due = bench.core.poll_timeout().expect("a copy is due some time");
    assert_eq!(due, bench.now.plus(ClientLimits::default().resend_first));
}

#[test]
fn frames_that_waited_when_a_connection_was_lost_do_not_wait_for_the_next_one() {
    let mut bench = Bench::with_slots(1);
    bench.start(1, LONG);
    assert!(bench.core.wants_transmit());
    bench.cut();
    assert!(!bench.core.wants_transmit());
}
