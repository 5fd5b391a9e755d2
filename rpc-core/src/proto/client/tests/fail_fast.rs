//! Rules of calls that fail fast: told when every address has failed, and never sooner.

use super::*;
use crate::proto::tests::{ms, secs};

/// A call that fails fast.
fn hasty(within: Duration) -> Request {
    Request { fail_fast: true, ..request(PLAIN, b"arguments", within) }
}

/// The next attempt fails, and with it the round of the addresses.
fn fails(bench: &mut Bench) {
    bench.wait_until_it_connects();
    bench.core.handle_disconnected("connecting to 10.0.0.1:1 failed: refused", bench.now);
    bench.core.handle_round_failed(false, bench.now);
}

/// A client whose connection is lost, with a call in its only slot, sent or not, and one that waits.
fn lost(sent: bool, first: Request, second: Request) -> Bench {
    let mut bench = Bench::with_slots(1);
    bench.ask(1, first);
    if sent {
        bench.written();
    }
    bench.ask(2, second);
    bench.cut();
    bench
}

#[test]
fn v11_a_sent_call_that_fails_fast_is_unknown_when_a_round_has_failed_and_is_resolved_by_its_reply() {
    let mut bench = lost(true, hasty(LONG), hasty(LONG));
    assert!(bench.events().is_empty(), "one lost connection is no failed round");
    fails(&mut bench);
    let verdicts = bench.events();
    let [(1, false, unknown), (2, false, Outcome::NotExecuted(Reason::Unreachable, text))] = &verdicts[..]
    else {
        panic!("{verdicts:?}")
    };
    assert!(text.contains("10.0.0.1:1"), "{text}");
    assert_eq!(*unknown, Outcome::Unknown(UnknownCause::Unreachable));
    assert!(unknown.may_be_resolved());
    bench.connect();
    bench.welcome(true);
    bench.written();
    bench.done(0, 1);
    assert_eq!(bench.events(), [(1, true, done())], "its reply is fetched all the same");
}

#[test]
fn v7_an_unsent_call_that_fails_fast_is_not_executed_and_its_number_is_never_sent() {
    let mut bench = lost(false, hasty(LONG), hasty(LONG));
    fails(&mut bench);
    let verdicts = bench.events();
    let told = |(_, _, outcome): &(Tag, bool, Outcome)| {
        matches!(outcome, Outcome::NotExecuted(Reason::Unreachable, _))
    };
    assert!(verdicts.len() == 2 && verdicts.iter().all(told), "{verdicts:?}");
    assert_eq!(bench.core.in_flight(), 0);
    bench.start(3, LONG);
    bench.connect();
    bench.welcome(true);
    let calls: Vec<_> = bench.written().into_iter().filter(|frame| frame.header.kind == Kind::Call).collect();
    assert_eq!(calls.len(), 1, "V7: only the call that has no verdict leaves: {calls:?}");
    assert_eq!(calls[0].header.seq, 2);
}

#[test]
fn calls_that_do_not_fail_fast_wait_through_failed_rounds() {
    let mut bench = lost(true, request(PLAIN, b"", LONG), request(PLAIN, b"", LONG));
    (0..10).for_each(|_| fails(&mut bench));
    assert!(bench.events().is_empty());
    assert_eq!(bench.core.in_flight(), 2);
}

#[test]
fn v7_a_repeat_that_fails_fast_keeps_the_weaker_verdict_of_its_first_attempt() {
    let mut bench = Bench::with_slots(1);
    let idempotent = Request { repeat: true, fail_fast: true, ..request(READ, b"", LONG) };
    bench.ask(1, idempotent);
    bench.written();
    bench.cut();
    bench.connect();
    bench.hears(&Header::new(Kind::SessionLost), &1_u128.to_le_bytes());
    assert!(bench.events().is_empty(), "it is to be repeated");
    bench.core.handle_disconnected("closed", bench.now);
    bench.core.handle_round_failed(false, bench.now);
    assert!(bench.events().is_empty(), "a server that answers is not out of reach");
    fails(&mut bench);
    assert_eq!(bench.verdict(), (1, Outcome::Unknown(UnknownCause::SessionLost)));
}

#[test]
fn v20_a_call_that_fails_fast_waits_for_no_longer_pause_than_the_first_one_and_no_shorter_than_the_server_asks()
 {
    for seed in 0..SEEDS {
        let mut bench = Bench::seeded(quiet(1), seed);
        bench.start(1, LONG);
        (0..8).for_each(|_| fails(&mut bench));
        let failed_at = bench.now;
        bench.now = bench.now.plus(ms(10));
        bench.ask(2, hasty(LONG));
        let first = ClientLimits::default().backoff_first;
        bench.wait_until_it_connects();
        assert!(bench.now.since(failed_at) <= first, "seed {seed}: after {:?}", bench.now.since(failed_at));
        bench.core.handle_disconnected("refused", bench.now);
        bench.core.handle_round_failed(false, bench.now);
        assert_eq!(bench.events().len(), 1, "the other one waits");
    }
    let mut bench = Bench::new(quiet(1));
    bench.connect();
    let busy = Header { millis: 3_000, ..Header::new(Kind::Busy) };
    bench.hears(&busy, b"");
    bench.core.handle_disconnected("closed", bench.now);
    let failed_at = bench.now;
    bench.ask(1, hasty(LONG));
    bench.wait_until_it_connects();
    assert!(bench.now.since(failed_at) >= secs(3), "V20: it comes back too soon");
}

#[test]
fn a_server_that_shut_down_is_named_as_the_reason() {
    let mut bench = Bench::with_slots(1);
    bench.hears_kind(Kind::GoAway);
    bench.written();
    bench.cut();
    bench.ask(1, hasty(LONG));
    fails(&mut bench);
    let (tag, outcome) = bench.verdict();
    assert!(tag == 1 && matches!(outcome, Outcome::NotExecuted(Reason::Draining, _)), "{outcome:?}");
}

#[test]
fn an_outage_lasts_from_the_loss_to_the_next_welcome_and_counts_attempts() {
    let mut bench = Bench::with_slots(1);
    assert_eq!(bench.core.outage(bench.now), None);
    bench.cut();
    let lost_at = bench.now;
    bench.start(1, LONG);
    for attempts in 1..=3 {
        fails(&mut bench);
        let outage = bench.core.outage(bench.now).expect("there is no connection");
        assert_eq!((outage.attempts, outage.lasts), (attempts, bench.now.since(lost_at)));
        assert!(outage.failure.contains("10.0.0.1:1"), "{outage}");
    }
    bench.connect();
    assert!(bench.core.outage(bench.now).is_some(), "a socket is not yet a session");
    bench.welcome(true);
    assert_eq!(bench.core.outage(bench.now), None);
}

#[test]
fn the_incarnation_is_that_of_the_last_welcome_also_while_there_is_no_session() {
    let mut bench = Bench::new(quiet(1));
    assert_eq!(bench.core.incarnation(), None);
    bench.connect();
    bench.welcome(false);
    assert_eq!(bench.core.incarnation(), Some(Incarnation(1)));
    bench.start(1, LONG);
    bench.cut();
    bench.connect();
    bench.hears(&Header::new(Kind::SessionLost), &2_u128.to_le_bytes());
    assert_eq!(bench.core.incarnation(), Some(Incarnation(1)), "no session was opened by the other one");
    bench.core.handle_disconnected("closed", bench.now);
    bench.connect();
    bench.grants.incarnation = Incarnation(2);
    bench.welcome(false);
    assert_eq!(bench.core.incarnation(), Some(Incarnation(2)));
}
