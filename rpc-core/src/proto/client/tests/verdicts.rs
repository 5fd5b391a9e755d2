//! Rules of verdicts: the meaning of each reply, what resolves an unknown call, and what is forgotten.

use super::super::call::weaker;
use super::*;
use crate::proto::tests::{ms, secs};
use crate::wire::message::{FEATURE_DENIED, FEATURE_GIVEN_UP};

fn lost() -> Outcome {
    Outcome::ReplyLost("text".to_owned())
}

fn refused(reason: Reason) -> Outcome {
    Outcome::NotExecuted(reason, "text".to_owned())
}

#[test]
fn each_status_has_its_outcome() {
    let text = "text".to_owned();
    let cases = [
        (Status::Done, Outcome::Done(bytes::Bytes::from_static(b"text"))),
        (Status::Failed, Outcome::Failed(bytes::Bytes::from_static(b"text"))),
        (Status::Panicked, Outcome::Panicked(text)),
        (Status::ReplyLost, lost()),
        (Status::GivenUp, Outcome::GivenUp("text".to_owned())),
        (Status::Refused(Reason::Cancelled), refused(Reason::Cancelled)),
        (Status::Refused(Reason::Deadline), refused(Reason::Deadline)),
        (Status::Refused(Reason::Busy), refused(Reason::Busy)),
        (Status::Refused(Reason::Draining), refused(Reason::Draining)),
        (Status::Refused(Reason::NoSuchMethod), refused(Reason::NoSuchMethod)),
        (Status::Refused(Reason::BadArguments), refused(Reason::BadArguments)),
        (Status::Refused(Reason::TooLarge), refused(Reason::TooLarge)),
        (Status::Refused(Reason::Denied), refused(Reason::Denied)),
    ];
    for (status, outcome) in cases {
        let mut bench = Bench::new(quiet(1));
        bench.grants.features = FEATURE_GIVEN_UP | FEATURE_DENIED;
        bench.connect();
        bench.welcome(false);
        bench.send(1, LONG);
        bench.reply(0, 1, status, b"text");
        assert_eq!(bench.events(), [(1, false, outcome)]);
        assert!(!bench.core.owes(), "V18: {status:?} leaves nothing");
    }
}

#[test]
fn a_status_that_was_not_agreed_on_comes_from_a_broken_server() {
    for status in [Status::GivenUp, Status::Refused(Reason::Denied)] {
        let mut bench = Bench::with_slots(1);
        bench.send(1, LONG);
        bench.reply(0, 1, status, b"text");
        assert_eq!(bench.verdict(), (1, unknown(UnknownCause::BrokenServer)));
    }
}

#[test]
fn an_unknown_call_is_resolved_by_its_reply_whatever_that_is_and_only_once() {
    for (status, outcome) in
        [(Status::Done, done()), (Status::Refused(Reason::Cancelled), refused(Reason::Cancelled))]
    {
        let mut bench = Bench::with_slots(1);
        bench.send(1, ms(10));
        bench.pass(ms(10));
        assert_eq!(bench.verdict(), (1, unknown(UnknownCause::Deadline)));
        let body: &[u8] = if status == Status::Done { b"r" } else { b"text" };
        bench.reply(0, 1, status, body);
        bench.reply(0, 1, status, body);
        assert_eq!(bench.events(), [(1, true, outcome)]);
        assert_eq!(bench.core.orphaned_slots(), 0);
    }
}

#[test]
fn a_forgotten_call_is_not_resolved_and_its_slot_is_freed_all_the_same() {
    for how in [ClientCore::forget as fn(&mut ClientCore, Tag), |core, tag| core.abandon(tag, START)] {
        let mut bench = Bench::with_slots(2);
        bench.send(1, ms(10));
        bench.send(2, ms(10));
        bench.pass(ms(10));
        bench.events();
        how(&mut bench.core, 1);
        how(&mut bench.core, 77); // there is none
        bench.done(0, 1);
        bench.done(1, 1);
        assert_eq!(bench.events(), [(2, true, done())], "the other one is still asked for");
        assert_eq!((bench.core.orphaned_slots(), bench.core.owes()), (0, false));
    }
}

#[test]
fn a_forgotten_calls_tag_may_be_used_again_for_another_call() {
    let mut bench = Bench::with_slots(2);
    bench.send(1, ms(10));
    bench.pass(ms(10));
    bench.events();
    bench.core.forget(1);
    bench.send(1, LONG);
    bench.core.forget(1); // the new one is not orphaned: it stays
    bench.done(0, 1);
    assert!(bench.events().is_empty());
    bench.done(1, 1);
    assert_eq!(bench.verdict(), (1, done()));
}

#[test]
fn an_open_question_over_a_lost_session_stays_unknown_for_ever() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, ms(10));
    bench.pass(ms(10));
    bench.events();
    bench.cut();
    bench.connect();
    bench.hears(&Header::new(Kind::SessionLost), &[0; 16]);
    assert_eq!(bench.events(), [(1, true, unknown(UnknownCause::SessionLost))]);
    assert_eq!(bench.core.orphaned_slots(), 0);
}

#[test]
fn the_weakest_verdict_of_all_attempts_is_reported() {
    let outcomes = [done(), lost(), refused(Reason::Busy), unknown(UnknownCause::SessionLost)];
    for outcome in &outcomes {
        assert_eq!(weaker(outcome.clone(), None), *outcome);
    }
    assert_eq!(weaker(refused(Reason::Busy), Some(lost())), lost());
    assert_eq!(
        weaker(refused(Reason::Busy), Some(unknown(UnknownCause::SessionLost))),
        unknown(UnknownCause::SessionLost)
    );
    assert_eq!(weaker(lost(), Some(unknown(UnknownCause::SessionLost))), unknown(UnknownCause::SessionLost));
    assert_eq!(weaker(done(), Some(unknown(UnknownCause::SessionLost))), done());
    assert_eq!(weaker(done(), Some(lost())), done());
    assert_eq!(weaker(unknown(UnknownCause::Deadline), Some(lost())), unknown(UnknownCause::Deadline));
}

#[test]
fn an_idempotent_call_is_repeated_under_a_new_number_when_its_session_is_lost() {
    let mut bench = Bench::with_slots(1);
    bench.ask(1, repeating(LONG));
    bench.written();
    bench.cut();
    bench.connect();
    bench.hears(&Header::new(Kind::SessionLost), &[0; 16]);
    assert!(bench.events().is_empty());
    assert_eq!(bench.core.counters().repeated, 1);
    bench.cut();
    bench.connect();
    bench.welcome(false);
    bench.pass(secs(60)); // whatever pause it makes
    bench.done(0, 1);
    assert_eq!(bench.verdict(), (1, done()));
}

/// A client whose call was sent in a session that was lost, and which is in another session now.
fn repeated(request: Request) -> Bench {
    let mut bench = Bench::with_slots(1);
    bench.ask(1, request);
    bench.written();
    bench.cut();
    bench.connect();
    bench.hears(&Header::new(Kind::SessionLost), &[0; 16]);
    bench.cut();
    bench.connect();
    bench.welcome(false);
    bench
}

#[test]
fn v7_a_repeated_call_that_is_refused_at_last_is_not_called_not_executed() {
    let mut bench = repeated(repeating(LONG));
    bench.pass(secs(60));
    bench.reply(0, 1, Status::Refused(Reason::Cancelled), b"");
    assert_eq!(bench.verdict(), (1, unknown(UnknownCause::SessionLost)));
}

#[test]
fn v7_a_repeated_call_that_is_busy_and_then_refused_is_no_stronger_than_its_first_attempt() {
    let mut bench = repeated(Request { retry: true, ..repeating(LONG) });
    bench.pass(secs(60));
    bench.busy(0, 1, 10);
    assert!(bench.events().is_empty(), "it is tried again");
    bench.pass(secs(60));
    bench.reply(0, 2, Status::Refused(Reason::Cancelled), b"");
    assert_eq!(bench.verdict(), (1, unknown(UnknownCause::SessionLost)));
}

#[test]
fn v7_a_repeated_call_that_is_resolved_later_is_no_stronger_than_its_first_attempt() {
    let mut bench = repeated(repeating(secs(100)));
    bench.pass(secs(100));
    assert_eq!(bench.verdict(), (1, unknown(UnknownCause::Deadline)));
    bench.reply(0, 1, Status::Refused(Reason::Cancelled), b"");
    assert_eq!(bench.events(), [(1, true, unknown(UnknownCause::SessionLost))]);
}

#[test]
fn a_call_that_may_not_be_repeated_is_not() {
    let mut bench = Bench::with_slots(1);
    bench.ask(1, request(READ, b"", LONG));
    bench.written();
    bench.reply(0, 1, Status::ReplyLost, b"text");
    assert_eq!(bench.verdict(), (1, lost()));
    assert_eq!((bench.core.counters().repeated, bench.core.owes()), (0, false));
}

#[test]
fn calls_are_counted_when_they_start_and_not_when_they_are_refused_before() {
    let mut bench = Bench::new(quiet(1));
    bench.grants.max_frame = 10;
    bench.connect();
    bench.welcome(false);
    let refused = bench.core.start(1, request(PLAIN, &[1; 11], LONG), bench.now).expect_err("too large");
    assert_eq!(reason(&refused), Some(Reason::TooLarge));
    bench.ask(2, request(PLAIN, &[1; 10], LONG));
    assert_eq!(bench.core.counters().calls, 1);
}
