//! Rules of calls that are tried again after 'busy': the budget, the pause, and where such a call is meanwhile.

use super::*;
use crate::proto::tests::{ms, secs};
use crate::wire::message::FEATURE_DENIED;

/// Limits with which no call is copied: what is written are first attempts.
fn steady(slots: u16) -> ClientLimits {
    ClientLimits { resend_first: LONG, ..quiet(slots) }
}

/// A client with so many slots, at a time at which no more than the first budget has been earned.
fn fresh(slots: u16) -> Bench {
    Bench::up(steady(slots))
}

/// Starts so many calls, has all of them refused as busy, and says how many ended for good.
fn refuse_all(bench: &mut Bench, first: Tag, count: u64, after: u32) -> usize {
    for tag in first..first + count {
        bench.ask(tag, retrying(LONG));
    }
    let calls = bench.written();
    assert_eq!(calls.len() as u64, count);
    for call in calls {
        bench.busy(call.header.slot, call.header.seq, after);
    }
    let events = bench.events();
    assert!(events.iter().all(|(_, _, outcome)| reason(outcome) == Some(Reason::Busy)));
    events.len()
}

#[test]
fn v17_ten_calls_may_be_tried_again_to_begin_with() {
    let mut bench = fresh(30);
    assert_eq!(refuse_all(&mut bench, 1, 10, 60_000), 0);
    assert_eq!(refuse_all(&mut bench, 11, 5, 60_000), 5, "the budget is used up");
    assert_eq!(bench.core.counters().busy_retries, 10);
}

#[test]
fn v17_ten_more_are_earned_each_second() {
    let mut bench = fresh(60);
    assert_eq!(refuse_all(&mut bench, 1, 12, 600_000), 2);
    bench.pass(ms(99));
    assert_eq!(refuse_all(&mut bench, 21, 1, 600_000), 1, "99 ms earn not quite one");
    bench.pass(ms(1));
    assert_eq!(refuse_all(&mut bench, 31, 2, 600_000), 1, "100 ms earn one");
    bench.pass(secs(2));
    assert_eq!(refuse_all(&mut bench, 41, 25, 600_000), 5, "2 s earn twenty");
}

#[test]
fn v17_no_more_than_a_hundred_are_saved_up() {
    let mut bench = fresh(300);
    assert_eq!(refuse_all(&mut bench, 1, 1, 600_000), 0);
    bench.pass(secs(10_000));
    assert_eq!(refuse_all(&mut bench, 11, 120, 600_000), 20);
    assert_eq!(bench.core.counters().busy_retries, 101);
}

#[test]
fn v17_the_time_before_the_first_attempt_earns_nothing_since_the_clock_may_be_older_than_the_client() {
    let mut bench = fresh(30);
    bench.pass(secs(10_000));
    assert_eq!(refuse_all(&mut bench, 1, 12, 600_000), 2);
}

#[test]
fn v17_the_budget_follows_its_limit() {
    let mut bench = Bench::up(ClientLimits { retry_budget: 2.0, ..steady(60) });
    assert_eq!(refuse_all(&mut bench, 1, 3, 600_000), 1);
    bench.pass(secs(1));
    assert_eq!(refuse_all(&mut bench, 11, 3, 600_000), 1);
    bench.pass(secs(1000));
    assert_eq!(refuse_all(&mut bench, 21, 21, 600_000), 1);
}

#[test]
fn v20_the_pause_is_what_the_server_says_and_up_to_as_much_more() {
    for (after, least) in [(0, ms(1)), (1, ms(1)), (50, ms(50)), (3000, secs(3))] {
        let (mut shortest, mut longest) = (Duration::MAX, Duration::ZERO);
        for seed in 0..SEEDS {
            let mut bench = Bench::seeded(steady(1), seed);
            bench.connect();
            bench.welcome(false);
            bench.ask(1, retrying(LONG));
            bench.written();
            let begin = bench.now;
            bench.busy(0, 1, after);
            let again = bench.pass(2 * least + ms(1));
            let calls: Vec<_> = again.iter().filter(|(_, f)| f.header.kind == Kind::Call).collect();
            assert_eq!((calls.len(), calls[0].1.header.seq), (1, 2), "as a new call");
            let pause = calls[0].0.since(begin);
            (shortest, longest) = (shortest.min(pause), longest.max(pause));
        }
        assert!(shortest >= least && shortest < least.mul_f64(1.1), "{after}: {shortest:?}");
        assert!(longest <= 2 * least && longest > least.mul_f64(1.9), "{after}: {longest:?}");
    }
}

#[test]
fn a_call_whose_deadline_is_before_its_next_attempt_ends_as_busy_at_once() {
    let mut bench = fresh(1);
    bench.ask(1, retrying(ms(50)));
    bench.written();
    bench.busy(0, 1, 50);
    assert_eq!(reason(&bench.verdict().1), Some(Reason::Busy));
    assert!(!bench.core.owes());
    assert_eq!(bench.core.counters().busy_retries, 0);
}

#[test]
fn a_call_that_may_not_be_tried_again_is_not_and_other_refusals_never_are() {
    let mut bench = Bench::new(steady(1));
    bench.grants.features = FEATURE_DENIED;
    bench.connect();
    bench.welcome(false);
    bench.send(1, LONG);
    bench.busy(0, 1, 1);
    assert_eq!(reason(&bench.verdict().1), Some(Reason::Busy));
    let finals =
        [Reason::Cancelled, Reason::Deadline, Reason::NoSuchMethod, Reason::BadArguments, Reason::TooLarge];
    let finals = finals.into_iter().chain([Reason::Denied]);
    for (seq, why) in (2..).zip(finals) {
        bench.ask(seq, retrying(LONG));
        bench.written();
        bench.reply(0, seq, Status::Refused(why), b"");
        assert_eq!(reason(&bench.verdict().1), Some(why));
    }
    assert_eq!((bench.core.counters().busy_retries, bench.core.owes()), (0, false));
}

#[test]
fn a_call_refused_by_a_drain_is_tried_again_too() {
    let mut bench = fresh(1);
    bench.ask(1, retrying(LONG));
    bench.written();
    bench.reply(0, 1, Status::Refused(Reason::Draining), b"");
    assert!(bench.events().is_empty());
    assert_eq!((bench.core.counters().busy_retries, bench.core.in_flight()), (1, 1));
}

#[test]
fn v16_a_call_that_waits_its_pause_is_owed_and_woken_for_and_holds_no_slot() {
    let mut bench = fresh(1);
    bench.ask(1, retrying(LONG));
    bench.written();
    bench.busy(0, 1, 1000);
    assert!(bench.core.owes(), "it must be driven");
    assert_eq!(bench.core.in_flight(), 1);
    assert!(bench.core.poll_timeout().is_some_and(|due| due <= bench.now.plus(secs(2))));
    bench.send(2, LONG); // its slot is free meanwhile
    bench.done(0, 2);
    assert_eq!(bench.verdict(), (2, done()));
    bench.pass(secs(2));
    bench.done(0, 3);
    assert_eq!(bench.verdict(), (1, done()));
    assert!(!bench.core.owes());
}

#[test]
fn v16_calls_that_wait_their_pause_are_sent_even_if_other_timers_pass_in_between() {
    let mut bench = fresh(3);
    for (tag, after) in [(1, 900), (2, 300), (3, 600)] {
        bench.ask(tag, retrying(LONG));
        let call = bench.written().remove(0).header;
        bench.busy(call.slot, call.seq, after);
    }
    let calls: Vec<Tag> = bench.times_of(Kind::Call, secs(2)).iter().map(|at| at.0).collect();
    assert_eq!(calls.len(), 3);
    assert_eq!(bench.core.in_flight(), 3);
}

#[test]
fn a_call_that_waits_its_pause_may_be_given_up() {
    let mut bench = fresh(1);
    bench.ask(1, retrying(LONG));
    bench.written();
    bench.busy(0, 1, 1000);
    bench.core.abandon(1, bench.now);
    assert_eq!((bench.core.owes(), bench.core.in_flight()), (false, 0));
    assert!(bench.times_of(Kind::Call, secs(10)).is_empty());
    assert!(bench.events().is_empty());
}

#[test]
fn v11_a_call_that_is_busy_again_and_again_ends_by_its_deadline() {
    let mut bench = fresh(1);
    let begin = bench.now;
    bench.ask(1, retrying(ms(500)));
    let mut attempts = 0;
    let outcome = loop {
        for frame in bench.written() {
            if frame.header.kind == Kind::Call {
                attempts += 1;
                bench.busy(0, frame.header.seq, 10);
            }
        }
        if let Some((_, _, outcome)) = bench.events().pop() {
            break outcome;
        }
        let due = bench.core.poll_timeout().expect("V16: it wakes");
        bench.now = bench.now.max(due);
        bench.core.handle_timeout(bench.now);
    };
    assert_eq!(reason(&outcome), Some(Reason::Busy));
    assert!(bench.now.since(begin) <= ms(500));
    assert!(
        (10..=16).contains(&attempts),
        "V17: {attempts} attempts: the first, ten, and what half a second earns"
    );
}
