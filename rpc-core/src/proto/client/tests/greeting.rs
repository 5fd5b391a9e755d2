//! Rules of HELLO on the client: said first, again while WELCOME is awaited, and given up in time.

use super::*;
use crate::proto::tests::{ms, secs};
use crate::wire::message::{
    FEATURE_DENIED, FEATURE_GIVEN_UP, FEATURE_METADATA, FEATURE_NO_BODY_CHECKSUM, FEATURE_TYPES, Hello,
};
use crate::wire::reject::RejectCode;

fn hello_of(frames: &[Frame]) -> Hello {
    assert_eq!(kinds(frames), [Kind::Hello]);
    Hello::decode(&frames[0].body).expect("a HELLO")
}

#[test]
fn v20_hello_goes_out_again_after_an_eighth_of_the_time_and_then_after_twice_as_long() {
    let mut bench = Bench::new(quiet(1));
    bench.connect();
    let begin = bench.now;
    let again = bench.times_of(Kind::Hello, secs(2) - ms(1));
    assert_eq!(again, [begin.plus(ms(250)), begin.plus(ms(750)), begin.plus(ms(1750))]);
    assert!(!bench.core.wants_close());
    bench.pass(ms(1));
    assert!(bench.core.wants_close(), "and is given up after two seconds");
    assert!(bench.core.last_failure().contains("did not answer in time"));
}

#[test]
fn each_connection_begins_with_the_short_pause_again() {
    let mut bench = Bench::new(quiet(1));
    for _ in 0..3 {
        bench.connect();
        let begin = bench.now;
        assert_eq!(bench.times_of(Kind::Hello, ms(700)), [begin.plus(ms(250))]);
        bench.cut();
    }
}

#[test]
fn the_times_follow_the_limit() {
    let mut bench = Bench::new(ClientLimits { connect: ms(800), ..quiet(1) });
    bench.connect();
    assert_eq!(bench.times_of(Kind::Hello, ms(799)).len(), 3, "after 100, 300 and 700 ms");
    assert!(!bench.core.wants_close());
    bench.pass(ms(1));
    assert!(bench.core.wants_close());
}

#[test]
fn after_welcome_no_more_hello_goes_out() {
    let mut bench = Bench::new(quiet(1));
    bench.connect();
    bench.pass(ms(240));
    bench.welcome(false);
    assert!(bench.core.is_ready());
    assert!(bench.pass(secs(100)).is_empty());
}

#[test]
fn v20_a_connection_that_is_not_made_in_time_is_given_up_each_time() {
    let mut bench = Bench::new(quiet(1));
    for _ in 0..3 {
        assert!(bench.wait_until_it_connects() <= secs(2));
        bench.pass(secs(2) - ms(1));
        assert!(!bench.core.wants_close());
        bench.pass(ms(1));
        assert!(bench.core.wants_close());
        bench.cut();
    }
}

#[test]
fn the_time_to_greet_begins_when_the_connection_stands() {
    let mut bench = Bench::new(quiet(1));
    bench.wait_until_it_connects();
    bench.pass(ms(1900));
    bench.core.handle_connected(bench.now);
    bench.written();
    bench.pass(ms(1999));
    assert!(!bench.core.wants_close());
    bench.pass(ms(1));
    assert!(bench.core.wants_close());
}

#[test]
fn hello_says_what_the_client_wants_and_a_resume_names_its_session() {
    let mut bench = Bench::new(quiet(9));
    bench.wait_until_it_connects();
    bench.core.handle_connected(bench.now);
    let first = hello_of(&bench.written());
    assert_eq!(
        (first.slots, first.features, first.resume),
        (9, FEATURE_GIVEN_UP | FEATURE_DENIED | FEATURE_METADATA | FEATURE_TYPES, None)
    );
    assert_eq!(first.services, [("Work".to_owned(), WORK.hash)]);
    bench.welcome(false);
    bench.send(1, LONG);
    bench.cut();
    bench.wait_until_it_connects();
    bench.core.handle_connected(bench.now);
    let again = hello_of(&bench.written());
    assert_eq!(again.resume, Some((SessionId(5), [1; 32])));
    assert_eq!((again.slots, again.services), (first.slots, first.services));
}

#[test]
fn what_was_to_be_said_on_the_last_connection_is_not_said_on_the_next_before_welcome() {
    let mut bench = Bench::with_slots(2);
    bench.send(1, LONG);
    bench.core.abandon(1, bench.now);
    bench.start(2, LONG);
    bench.cut();
    bench.wait_until_it_connects();
    bench.core.handle_connected(bench.now);
    assert_eq!(kinds(&bench.written()), [Kind::Hello]);
    bench.start(3, LONG);
    assert!(bench.written().is_empty());
}

#[test]
fn features_that_were_agreed_hold_for_what_is_sent_and_for_what_is_read() {
    let mut bench = Bench::new(quiet(1));
    bench.core.config.features = FEATURE_NO_BODY_CHECKSUM;
    bench.connect();
    bench.grants.features = FEATURE_NO_BODY_CHECKSUM;
    bench.welcome(false);
    bench.start(1, LONG);
    let frames = bench.written();
    assert_eq!((frames[0].body_crc, &frames[0].body[..]), (0, &b"arguments"[..]));
    let mut bytes = reply(0, 1, Status::Done).encode(1, 99).to_vec(); // a checksum that is none
    bytes.push(b'r');
    bench.core.handle_input(bytes.into(), bench.now);
    assert_eq!(bench.verdict(), (1, done()));
    bench.send(2, LONG);
    bench.grants.features = 0;
    bench.resume();
    assert_ne!(bench.written()[0].body_crc, 0);
}

#[test]
fn frames_that_overtake_welcome_are_ignored_and_cost_nothing() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.cut();
    bench.connect();
    bench.done(0, 1);
    for kind in [Kind::GoAway, Kind::Pong] {
        bench.hears_kind(kind);
    }
    assert!(!bench.core.wants_close() && bench.events().is_empty());
    assert_eq!((bench.core.counters().stray_replies, bench.core.counters().broken_server), (1, 0));
    bench.welcome(true);
    bench.welcome(true); // a duplicate of it
    assert_eq!(names(&bench.written()), [(Kind::Call, 0, 1)]);
}

#[test]
fn connections_and_sessions_are_counted_once_each() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.resume();
    let counters = bench.core.counters();
    assert_eq!((counters.connections, counters.sessions, counters.calls), (2, 1, 1));
    assert_eq!(counters.resent, 1);
}

fn reject(code: RejectCode) -> Header {
    Header { code: code as u8, ..Header::new(Kind::Reject) }
}

#[test]
fn w19_a_rejection_is_told_with_its_text_and_only_some_reasons_are_final() {
    for code in RejectCode::ALL {
        let mut bench = Bench::new(quiet(1));
        bench.connect();
        bench.hears(&reject(code), b"for this reason");
        assert!(bench.core.wants_close() && !bench.core.is_foreign());
        assert!(bench.core.last_failure().contains("for this reason"));
        let is_final = matches!(code, RejectCode::NoReason | RejectCode::Version);
        assert_eq!(bench.core.is_rejected(), is_final, "{code:?}");
    }
}

#[test]
fn w19_no_call_waits_for_a_server_of_another_version_and_it_is_not_asked_without_end() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.start(2, LONG);
    bench.cut();
    bench.connect();
    bench.hears(&reject(RejectCode::Version), b"this server speaks version 2");
    assert!(bench.core.wants_close() && bench.core.is_of_another_version());
    assert!(bench.events().is_empty(), "another address may have a server of this version");
    bench.cut();
    bench.core.handle_other_versions(bench.now);
    let events = bench.events();
    assert_eq!(events[0], (1, false, unknown(UnknownCause::SessionLost)));
    let text = match &events[1] {
        (2, false, Outcome::NotExecuted(Reason::Unreachable, text)) => text.clone(),
        other => panic!("{other:?}"),
    };
    assert!(events.len() == 2 && text.contains("version 2"), "{text}");
    assert!(!bench.core.owes());
    bench.pass(LONG);
    assert!(!bench.core.poll_connect(bench.now), "no call waits for it");
    bench.start(3, LONG);
    bench.connect();
    bench.welcome(false);
    assert_eq!(names(&bench.written()), [(Kind::Call, 0, 1)], "it may be another server by now");
}

#[test]
fn w19_after_any_rejection_the_session_is_resumed_after_a_pause_if_another_address_is_left() {
    for code in RejectCode::ALL {
        let mut bench = Bench::with_slots(1);
        bench.send(1, LONG);
        bench.hears(&reject(code), b"text");
        assert!(bench.events().is_empty(), "{code:?}");
        bench.resume();
        bench.done(0, 1);
        assert_eq!(bench.verdict(), (1, done()), "{code:?}");
    }
}

#[test]
fn w10_features_that_were_not_asked_for_come_from_a_broken_server() {
    for features in [1, 2, 1 << 31] {
        let mut bench = Bench::new(quiet(1));
        bench.connect();
        bench.grants.features = features;
        bench.welcome(false);
        assert_eq!((bench.core.is_ready(), bench.core.counters().broken_server), (false, 1), "{features}");
    }
}

#[test]
fn a_strangers_bytes_before_any_session_are_called_foreign_and_later_ones_are_not() {
    let mut bench = Bench::new(quiet(1));
    bench.connect();
    bench
        .core
        .handle_input(bytes::Bytes::from_static(b"HTTP/1.1 400 Bad Request and so on, and on"), bench.now);
    assert!(bench.core.wants_close() && bench.core.is_foreign());
    bench.cut();
    bench.wait_until_it_connects();
    bench.core.handle_disconnected("refused", bench.now);
    assert!(!bench.core.is_foreign(), "nothing has answered there now");
    let mut bench = Bench::with_slots(1);
    bench.core.handle_input(garbled(), bench.now);
    assert!(bench.core.wants_close() && !bench.core.is_foreign());
    assert_eq!(bench.core.counters().broken_server, 0, "that is the way's fault");
}

#[test]
fn v14_a_hello_that_waits_to_be_sent_again_when_welcome_arrives_is_not_sent() {
    let mut bench = Bench::new(quiet(1));
    bench.connect();
    while !bench.core.wants_transmit() {
        bench.now = bench.core.poll_timeout().expect("HELLO is sent again");
        bench.core.handle_timeout(bench.now);
    }
    bench.welcome(false);
    assert!(kinds(&bench.written()).is_empty());
}

#[test]
fn v16_a_client_that_waits_for_nothing_has_no_timer() {
    let mut bench = Bench::with_slots(1);
    bench.pass(LONG);
    assert_eq!(bench.core.poll_timeout(), None);
}

#[test]
fn what_follows_on_a_connection_that_is_to_be_closed_is_not_looked_at() {
    let mut bench = Bench::new(quiet(1));
    bench.connect();
    let busy = encoded(&Header::new(Kind::Busy), b"");
    let welcome = encoded(&Header::new(Kind::Welcome), &bench.grants.encode());
    bench.core.handle_input([&busy[..], &welcome].concat().into(), bench.now);
    assert!(bench.core.wants_close() && !bench.core.is_ready());
    assert_eq!(bench.core.counters().sessions, 0);
}
