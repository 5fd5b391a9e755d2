//! Rules of the canonical form of a client: two states that may behave differently have different forms.

use super::drained::refused;
use super::*;
use crate::proto::Canonical;
use crate::proto::client::connection::{Link, Next};
use crate::proto::client::retry::SAVED;
use crate::proto::tests::secs;

fn form(bench: &Bench) -> Vec<u8> {
    let mut form = Canonical::new(bench.now, secs(1000));
    bench.core.canonical(bench.now, &mut form);
    form.as_bytes().to_vec()
}

/// Asserts that every two of the states that `change` makes have different forms.
fn all_differ<T: Copy + std::fmt::Debug>(values: &[T], change: impl Fn(&mut Bench, T)) {
    let forms: Vec<_> = values
        .iter()
        .map(|value| {
            let mut bench = Bench::with_slots(2);
            change(&mut bench, *value);
            (*value, form(&bench))
        })
        .collect();
    for (at, (value, one)) in forms.iter().enumerate() {
        for (other_value, other) in &forms[at + 1..] {
            assert_ne!(one, other, "{value:?} and {other_value:?}");
        }
    }
}

#[test]
fn the_same_state_has_the_same_form() {
    assert_eq!(form(&Bench::with_slots(2)), form(&Bench::with_slots(2)));
}

#[test]
fn the_stage_of_the_connection_and_the_pause_after_its_failures_are_in_the_form() {
    let links = [
        Link::Down(START),
        Link::Connecting(START),
        Link::Up,
        Link::Draining,
        Link::Leaving,
        Link::Closing(Next::Connect),
        Link::Closing(Next::ConnectAfterDrain),
        Link::Closing(Next::Close),
        Link::Closed,
    ];
    all_differ(&links, |bench, link| bench.core.connection.link = link);
    all_differ(&[0, 1, 2, 3], |bench, failures| bench.core.connection.failures = failures);
}

#[test]
fn the_arguments_of_a_call_and_its_deadline_are_in_the_form() {
    for in_slot in [true, false] {
        all_differ(&[(b"a", 10), (b"b", 10), (b"a", 11)], |bench, (body, seconds)| {
            for tag in 0..if in_slot { 0 } else { 2 } {
                bench.start(tag, LONG);
            }
            bench.ask(9, request(PLAIN, body, secs(seconds)));
            bench.core.calls.next_timer = START;
        });
    }
}

#[test]
fn the_outcome_of_a_call_is_in_the_form() {
    let outcomes = [
        Outcome::Done(b"a".to_vec().into()),
        Outcome::Done(b"b".to_vec().into()),
        Outcome::Failed(b"a".to_vec().into()),
        Outcome::Failed(b"b".to_vec().into()),
        Outcome::Panicked(String::new()),
        Outcome::NotExecuted(Reason::Busy, String::new()),
        Outcome::ReplyLost(String::new()),
        Outcome::Unknown(UnknownCause::Deadline),
        Outcome::Unknown(UnknownCause::SessionLost),
        Outcome::Unknown(UnknownCause::BrokenServer),
        Outcome::Unknown(UnknownCause::Closed),
    ];
    let indices: Vec<usize> = (0..outcomes.len()).collect();
    all_differ(&indices, |bench, at| {
        bench.core.calls.events.push_back(Event::Finished(1, outcomes[at].clone()));
    });
    all_differ(&[false, true], |bench, later| {
        let event = if later { Event::Resolved } else { Event::Finished };
        bench.core.calls.events.push_back(event(1, outcomes[0].clone()));
    });
}

#[test]
fn the_retry_budget_is_in_the_form_up_to_its_cap() {
    let left = [0, 1, SAVED - 1, SAVED].map(Some);
    let budgets: Vec<Option<u64>> = left.into_iter().chain([None]).collect();
    all_differ(&budgets, |bench, left| {
        bench.core.calls.retry.full_at = left.map(|left| bench.now.0 * 1_000 + left);
    });
}

#[test]
fn an_attempt_that_is_refused_leaves_nothing_behind_but_the_state_of_the_random_numbers() {
    // The server that said GOAWAY is gone: each attempt is made for a call, which is told. The other one may come back, so its
    // call waits, and the pause between the attempts grows to its cap.
    for said_goaway in [true, false] {
        let mut bench = Bench::with_slots(1);
        bench.send(1, LONG);
        if said_goaway {
            bench.hears_kind(Kind::GoAway);
        }
        bench.cut();
        let forms: Vec<_> = (0..20)
            .map(|_| {
                if said_goaway {
                    bench.start(2, LONG);
                }
                bench.core.calls.random.seed(1); // the same pause after each attempt
                refused(&mut bench);
                let told = bench.events().len();
                assert!((told > 0) == said_goaway, "{told}");
                bench.core.calls.random.seed(1);
                form(&bench)
            })
            .collect();
        assert!(forms[10..].iter().all(|form| *form == forms[10]), "{said_goaway}: something grows");
    }
}
