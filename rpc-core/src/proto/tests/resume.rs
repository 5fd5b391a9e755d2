//! Rules of resuming over both sides: the same session, the same replies, and the end of the session when the server was restarted.

use super::pair::Pair;
use super::{ms, secs};
use crate::limits::{ClientLimits, ServerLimits};
use crate::proto::{Outcome, UnknownCause};
use crate::wire::frame::Kind;

/// A deadline that no test reaches.
const LONG: std::time::Duration = std::time::Duration::from_secs(100_000);

#[test]
fn a_cut_connection_is_resumed_and_its_call_runs_once() {
    for lost in [Kind::Call, Kind::Reply] {
        let mut pair = Pair::plain(1);
        pair.settle();
        pair.start(1, LONG);
        pair.settle_with(|frame| frame.header.kind != lost);
        pair.cut();
        pair.pass(secs(5));
        assert_eq!(pair.all_done(), [1], "{lost:?} was lost");
        let counters = pair.server.counters();
        assert_eq!((counters.executions, counters.opened, counters.resumed), (1, 1, 1));
    }
}

#[test]
fn a_session_lives_through_as_many_cuts_as_come_within_its_lease() {
    let mut pair = Pair::plain(2);
    for tag in 1..=50 {
        pair.start(tag, LONG);
        pair.settle_with(|frame| frame.header.kind != Kind::Reply);
        pair.cut();
        pair.pass(secs(30));
        assert_eq!(pair.all_done(), [tag]);
    }
    let counters = pair.server.counters();
    assert_eq!((counters.opened, counters.executions, counters.expired, counters.lost), (1, 50, 0, 0));
}

#[test]
fn after_a_restart_of_the_server_sent_calls_are_unknown_and_the_next_ones_get_their_replies() {
    let mut pair = Pair::plain(2);
    pair.settle();
    pair.start(1, LONG);
    pair.settle_with(|frame| frame.header.kind != Kind::Reply);
    pair.restart_server();
    pair.start(2, LONG);
    pair.pass(secs(10));
    let mut verdicts = pair.verdicts();
    verdicts.sort_by_key(|(tag, _)| *tag);
    assert_eq!(verdicts[0], (1, Outcome::Unknown(UnknownCause::SessionLost)));
    assert!(matches!(verdicts[1], (2, Outcome::Done(_))), "V16: {verdicts:?}");
    assert_eq!(pair.server.counters().executions, 1);
}

#[test]
fn v16_a_client_that_is_turned_away_comes_back_until_there_is_room() {
    let mut pair =
        Pair::new(ClientLimits::default(), ServerLimits { sessions: 1, ..ServerLimits::default() });
    let other = pair.server.handle_connected(None, pair.now);
    let hello = crate::wire::message::Hello::new(1, 0, &[&super::WORK]);
    let header = crate::wire::frame::Header::new(Kind::Hello);
    pair.server.handle_input(other, super::encoded(&header, &hello.encode()), pair.now);
    pair.start(1, LONG);
    pair.pass(secs(20));
    assert!(pair.verdicts().is_empty());
    let away = pair.server.counters().turned_away;
    assert!((8..60).contains(&away), "V17: {away} attempts in 20 s");
    pair.server.remove(other, pair.now);
    pair.pass(secs(5));
    assert_eq!(pair.all_done(), [1]);
}

#[test]
fn an_unknown_call_is_resolved_by_what_really_happened_to_it() {
    let mut pair = Pair::plain(2);
    pair.settle();
    pair.runs = false;
    pair.start(1, ms(100));
    pair.start(2, ms(100));
    pair.settle();
    let running = pair.server.poll_call(pair.now).expect("the first one runs");
    pair.pass(ms(100)); // both are unknown, and CANCEL goes out
    pair.server.finish(running.key, crate::wire::message::Status::Done, b"ran", pair.now);
    pair.pass(secs(1));
    let verdicts = pair.verdicts();
    assert_eq!(verdicts.len(), 4);
    assert!(verdicts.iter().any(|(tag, outcome)| *tag == 1 && matches!(outcome, Outcome::Done(_))));
    assert!(
        verdicts.iter().any(|(tag, outcome)| *tag == 2 && matches!(outcome, Outcome::NotExecuted(..))),
        "V7"
    );
    assert_eq!(pair.server.counters().executions, 1);
}
