//! Rules of GOAWAY: what is under way is waited for, what is not goes elsewhere, and an idle client leaves.

use super::*;
use crate::proto::client::connection::{Connection, Link, Next};
use crate::proto::tests::secs;

#[test]
fn an_idle_client_leaves_at_once_with_bye() {
    let mut bench = Bench::with_slots(2);
    bench.hears_kind(Kind::GoAway);
    assert_eq!(kinds(&bench.written()), [Kind::Bye]);
    assert!(bench.core.wants_close());
    bench.cut();
    assert!(!bench.core.poll_connect(bench.now.plus(secs(10))), "it comes back with its next call");
}

#[test]
fn a_client_with_a_call_under_way_waits_for_its_reply_and_then_leaves() {
    let mut bench = Bench::with_slots(2);
    bench.send(1, LONG);
    bench.hears_kind(Kind::GoAway);
    assert!(bench.written().is_empty() && !bench.core.wants_close());
    bench.done(0, 1);
    assert_eq!(names(&bench.written()), [(Kind::Ack, 0, 1), (Kind::Bye, 0, 0)]);
    assert_eq!(bench.verdict(), (1, done()));
    assert!(bench.core.wants_close());
}

#[test]
fn a_orphaned_slot_is_waited_for_too() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.core.abandon(1, bench.now);
    bench.written();
    bench.hears_kind(Kind::GoAway);
    assert!(bench.written().is_empty());
    bench.done(0, 1);
    assert_eq!(names(&bench.written()), [(Kind::Ack, 0, 1), (Kind::Bye, 0, 0)]);
}

#[test]
fn v16_unsent_calls_are_taken_back_in_order_and_go_to_the_next_session() {
    let mut bench = Bench::with_slots(3);
    bench.send(1, LONG);
    for tag in 2..=4 {
        bench.start(tag, LONG); // 2 and 3 in slots, 4 waits
    }
    bench.hears_kind(Kind::GoAway);
    bench.start(5, LONG);
    assert!(bench.written().is_empty(), "nothing new goes to a server that leaves");
    bench.done(0, 1);
    bench.written();
    assert_eq!(bench.verdict(), (1, done()));
    bench.cut();
    bench.connect();
    bench.grants.session = SessionId(6);
    bench.welcome(false);
    bench.written();
    for (slot, seq, tag) in [(0, 1, 2), (1, 1, 3), (2, 1, 4), (0, 2, 5)] {
        bench.done(slot, seq);
        assert_eq!(bench.verdict(), (tag, done()));
        bench.written();
    }
}

#[test]
fn goaway_again_changes_nothing() {
    let mut bench = Bench::with_slots(2);
    bench.send(1, LONG);
    bench.hears_kind(Kind::GoAway);
    bench.hears_kind(Kind::GoAway);
    assert!(bench.written().is_empty());
    bench.done(0, 1);
    bench.hears_kind(Kind::GoAway);
    assert_eq!(kinds(&bench.written()), [Kind::Ack, Kind::Bye]);
}

#[test]
fn a_draining_servers_connection_that_is_lost_is_resumed_while_a_reply_is_due() {
    let mut bench = Bench::with_slots(2);
    bench.send(1, LONG);
    bench.hears_kind(Kind::GoAway);
    bench.resume();
    assert_eq!(names(&bench.written()), [(Kind::Call, 0, 1)]);
    bench.hears_kind(Kind::GoAway);
    bench.done(0, 1);
    assert_eq!(kinds(&bench.written()), [Kind::Ack, Kind::Bye]);
}

#[test]
fn a_draining_servers_connection_that_is_lost_with_nothing_owed_ends_the_session() {
    let mut bench = Bench::with_slots(2);
    bench.start(1, LONG);
    bench.hears_kind(Kind::GoAway);
    bench.cut(); // before BYE was written
    bench.connect();
    bench.grants.session = SessionId(6);
    bench.welcome(false); // a HELLO without a resume
    assert!(!bench.core.wants_close());
    assert_eq!(names(&bench.written()), [(Kind::Call, 0, 1)]);
}

#[test]
fn after_bye_the_next_session_is_a_new_one_and_takes_calls_again() {
    let mut bench = Bench::with_slots(1);
    bench.hears_kind(Kind::GoAway);
    bench.written();
    bench.cut();
    bench.start(1, LONG);
    bench.connect();
    bench.welcome(false);
    assert_eq!(names(&bench.written()), [(Kind::Call, 0, 1)]);
    assert_eq!(bench.core.counters().sessions, 2);
}

#[test]
fn only_a_connection_to_a_server_that_was_leaving_is_known_as_one_when_it_closes() {
    for (link, next) in
        [(Link::Up, Next::Connect), (Link::Draining, Next::ConnectAfterDrain), (Link::Leaving, Next::Close)]
    {
        let mut connection = Connection::new();
        connection.link = link;
        connection.close();
        assert_eq!(connection.link(), Link::Closing(next));
    }
}
/// A client with two calls: one was sent and has no reply, one waits. Its server has shut down.
fn left_behind() -> Bench {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.start(2, LONG);
    bench.hears_kind(Kind::GoAway);
    bench.cut();
    bench
}

#[test]
fn v16_a_session_that_outlives_its_server_is_kept_and_its_calls_wait_for_the_next_one() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.start(2, LONG);
    bench.hears(&Header { code: 1, ..Header::new(Kind::GoAway) }, b"");
    bench.cut();
    (0..3).for_each(|_| refused(&mut bench));
    assert!(bench.events().is_empty(), "as after a crash, the next server may have the reply");
    bench.now = bench.now.plus(secs(2));
    bench.connect();
    bench.welcome(true);
    assert_eq!(names(&bench.written()), [(Kind::Call, 0, 1)]);
    bench.done(0, 1);
    assert_eq!(bench.verdict(), (1, done()));
}

/// The next attempt finds nothing that listens.
pub(super) fn refused(bench: &mut Bench) {
    bench.now = bench.now.plus(secs(2));
    assert!(bench.core.poll_connect(bench.now), "an attempt is due");
    bench.core.handle_disconnected("nothing listens", bench.now);
    bench.core.handle_round_failed(true, bench.now);
}

#[test]
fn v16_after_a_drain_callers_are_told_at_once_when_nothing_listens() {
    let mut bench = left_behind();
    refused(&mut bench);
    let verdicts = bench.events();
    assert!(
        matches!(
            &verdicts[..],
            [
                (1, false, Outcome::Unknown(UnknownCause::SessionLost)),
                (2, false, Outcome::NotExecuted(Reason::Draining, _))
            ]
        ),
        "{verdicts:?}"
    );
    assert!(!bench.core.poll_connect(bench.now.plus(secs(10))), "nothing is owed");
    bench.start(3, LONG);
    refused(&mut bench);
    let (tag, outcome) = bench.verdict();
    assert!(tag == 3 && matches!(outcome, Outcome::NotExecuted(Reason::Draining, _)), "{outcome:?}");
}

#[test]
fn an_attempt_that_ends_otherwise_tells_no_caller_and_a_server_that_did_not_say_goaway_may_come_back() {
    let mut bench = left_behind();
    bench.now = bench.now.plus(secs(2));
    assert!(bench.core.poll_connect(bench.now));
    bench.core.handle_disconnected("it did not answer in time", bench.now);
    assert_eq!(bench.core.in_flight(), 2);

    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.cut();
    (0..10).for_each(|_| refused(&mut bench));
    assert_eq!(bench.core.in_flight(), 1, "it was killed, or is started again");
}

#[test]
fn the_next_server_answers_calls_that_waited_out_a_drain() {
    let mut bench = left_behind();
    bench.connect();
    bench.welcome(true);
    bench.written();
    bench.done(0, 1);
    assert_eq!(bench.verdict(), (1, done()));
    // It has not said GOAWAY.
    bench.cut();
    (0..5).for_each(|_| refused(&mut bench));
    assert_eq!(bench.core.in_flight(), 1);
}
