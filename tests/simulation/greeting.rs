//! HELLO and the frame that it gets, row by row, and connections that do not do their part.

use std::time::Duration;

use bytes::Bytes;
use rpc_core::ids::SessionId;
use rpc_core::limits::ServerLimits;
use rpc_core::wire::frame::{Header, Kind};
use rpc_core::wire::message::{Hello, Welcome};
use rpc_tests::ledger::served;

use crate::bench::{Bench, NOW};

fn hello(resume: Option<(SessionId, [u8; 32])>) -> Vec<u8> {
    let mut hello = Hello::new(4, 0, &[served()]);
    hello.resume = resume;
    hello.encode()
}

/// Sends this HELLO on a new connection, and returns the kind and the body of the frame that comes back.
fn greet(bench: &mut Bench, body: &[u8]) -> (Kind, Bytes) {
    let conn = bench.core.handle_connected(None, bench.now);
    bench.write(conn, &Header::new(Kind::Hello), body);
    let mut frames = bench.read(conn);
    let frame = frames.remove(0);
    (frame.header.kind, frame.body)
}

#[test]
fn the_same_hello_again_gets_the_same_welcome_and_another_one_is_a_protocol_error() {
    let mut bench = Bench::new();
    bench.write(bench.conn, &Header::new(Kind::Hello), &hello(None));
    let frames = bench.read(bench.conn);
    assert_eq!(Welcome::decode(&frames[0].body).expect("a WELCOME").session, bench.session);
    assert_eq!(bench.core.counters().sessions, 1);
    bench.write(bench.conn, &Header::new(Kind::Hello), &hello(Some((bench.session, bench.token))));
    assert!(bench.is_rejected());
}

#[test]
fn unknown_session_wrong_token_and_what_does_not_fit_get_the_same_frame() {
    let mut bench = Bench::new();
    let (id, token) = (bench.session, bench.token);
    let unknown = greet(&mut bench, &hello(Some((SessionId(99), token))));
    let wrong = greet(&mut bench, &hello(Some((id, [9; 32]))));
    let mut changed = Hello::new(4, 1, &[served()]);
    changed.resume = Some((id, token));
    let unfit = greet(&mut bench, &changed.encode());
    assert_eq!(unknown.0, Kind::SessionLost);
    assert_eq!((&unknown, &unknown), (&wrong, &unfit));
    assert!(!bench.core.wants_close(bench.conn), "the session's own connection goes on");
}

#[test]
fn the_latest_attachment_wins_and_what_the_older_one_still_sends_is_dropped() {
    let mut bench = Bench::new();
    let older = bench.conn;
    bench.resume();
    bench.write(older, &Header::for_call(Kind::Cancel, 0, 1), &[]);
    assert!(bench.core.wants_close(older));
    assert_eq!(bench.core.counters().cancels, 0);
    assert_eq!(bench.core.counters().protocol_errors, 0);
}

#[test]
fn a_draining_server_resumes_sessions_and_opens_none() {
    let mut bench = Bench::new();
    bench.core.start_drain(NOW);
    assert_eq!(greet(&mut bench, &hello(None)).0, Kind::Busy);
    let (id, token) = (bench.session, bench.token);
    assert_eq!(greet(&mut bench, &hello(Some((id, token)))).0, Kind::Welcome);
}

#[test]
fn a_connection_that_does_not_greet_in_time_is_closed() {
    let mut bench = Bench::new();
    let silent = bench.core.handle_connected(None, NOW);
    bench.core.handle_timeout(NOW.plus(Duration::from_secs(6)));
    assert!(bench.core.wants_close(silent) && !bench.core.wants_close(bench.conn));
}

#[test]
fn anything_but_hello_first_is_rejected() {
    for kind in [Kind::Call, Kind::Cancel, Kind::Ack, Kind::Bye, Kind::Ping, Kind::Methods, Kind::Welcome] {
        let mut bench = Bench::new();
        bench.conn = bench.core.handle_connected(None, NOW);
        bench.write(bench.conn, &Header::for_call(kind, 0, 1), &[]);
        assert!(bench.is_rejected(), "{kind:?}");
    }
}

#[test]
fn a_kind_that_has_no_body_is_rejected_with_one() {
    for kind in [Kind::Cancel, Kind::Ack, Kind::Ping, Kind::Bye] {
        let mut bench = Bench::new();
        bench.write(bench.conn, &Header::for_call(kind, 0, 1), &[0]);
        assert!(bench.is_rejected(), "{kind:?}");
    }
}

#[test]
fn a_connection_that_does_not_listen_is_cut_and_its_replies_wait_for_a_resume() {
    let mut bench = Bench::with(true, ServerLimits::default());
    bench.call(1);
    bench.run(b"one");
    bench.core.handle_written(bench.conn, 1, NOW); // and nothing more
    bench.core.handle_timeout(NOW.plus(Duration::from_secs(31)));
    assert!(bench.core.wants_close(bench.conn));
    assert_eq!(bench.core.counters().stalled, 1);
    bench.resume();
    bench.call(1);
    assert_eq!(bench.read(bench.conn)[0].body[..], *b"one");
}

#[test]
fn a_drain_ends_when_every_reply_is_sent_and_acknowledged_and_waits_for_what_runs() {
    let mut bench = Bench::new();
    bench.call(1);
    let key = bench.begin().expect("it runs");
    bench.core.start_drain(NOW);
    let step = Duration::from_millis(50);
    bench.now = NOW.plus(Duration::from_secs(5));
    bench.core.handle_timeout(bench.now);
    assert!(!bench.core.is_drained());
    bench.core.finish(key, rpc_core::wire::message::Status::Done, b"one", bench.now);
    bench.read(bench.conn);
    bench.ack(1);
    bench.now = bench.now.plus(step);
    bench.core.handle_timeout(bench.now);
    assert!(bench.core.is_drained() && !bench.core.was_forced());
}

#[test]
fn a_drain_can_be_told_to_end_sooner_and_not_to_end_later() {
    let mut bench = Bench::new();
    bench.call(1);
    bench.core.start_drain(NOW);
    bench.core.drain_within(Duration::from_secs(10), NOW);
    bench.core.drain_within(Duration::from_secs(3600), NOW);
    let end = NOW.plus(Duration::from_secs(10));
    assert!(bench.core.poll_timeout().is_some_and(|due| due <= end), "it wakes by itself");
    bench.core.handle_timeout(NOW.plus(Duration::from_millis(9990)));
    assert!(!bench.core.is_drained());
    bench.core.handle_timeout(end);
    assert!(bench.core.is_drained());
}

#[test]
fn a_drain_whose_grace_is_over_refuses_queued_calls() {
    let mut bench = Bench::new();
    bench.call(1);
    bench.core.start_drain(NOW);
    bench.read(bench.conn);
    bench.core.handle_timeout(NOW.plus(Duration::from_secs(31)));
    assert!(bench.core.is_drained() && bench.core.was_forced());
    assert!(bench.begin().is_none());
    assert_eq!(bench.replies().len(), 1);
}
