//! Rules about a server that breaks the protocol: its session is given up, sent calls are unknown, unsent ones go on.

use super::*;
use crate::limits::MAX_SLOTS;

/// A client with two slots: call 1 is sent, call 2 is in its slot and unsent.
fn half_sent() -> Bench {
    let mut bench = Bench::with_slots(2);
    bench.send(1, LONG);
    bench.start(2, LONG);
    bench
}

/// Asserts that the server counts as broken, that call 1 is unknown for ever, and that call 2 is done in the next session.
fn is_broken(bench: &mut Bench) {
    assert!(bench.core.wants_close());
    assert_eq!(bench.core.counters().broken_server, 1);
    assert_eq!(bench.events(), [(1, false, unknown(UnknownCause::BrokenServer))]);
    bench.cut();
    bench.connect();
    bench.grants.session = SessionId(6);
    bench.welcome(false);
    let frames = bench.written();
    assert_eq!(names(&frames), [(Kind::Call, 0, 1)], "V16: in a new session");
    bench.done(0, 1);
    assert_eq!(bench.verdict(), (2, done()));
}

#[test]
fn a_reply_beyond_the_slots_is_the_fault_of_a_broken_server() {
    for slot in [2, 3, u16::MAX] {
        let mut bench = half_sent();
        bench.done(slot, 1);
        is_broken(&mut bench);
    }
}

#[test]
fn a_reply_above_the_number_in_use_is_the_fault_of_a_broken_server() {
    for (slot, seq) in [(0, 2), (0, u64::MAX), (1, 2)] {
        let mut bench = half_sent();
        bench.done(slot, seq);
        is_broken(&mut bench);
    }
}

#[test]
fn a_reply_to_a_call_that_was_never_sent_is_the_fault_of_a_broken_server() {
    let mut bench = half_sent();
    bench.done(1, 1);
    is_broken(&mut bench);
}

#[test]
fn a_reply_to_an_earlier_number_of_a_slot_is_ignored_and_counted() {
    let mut bench = Bench::with_slots(1);
    bench.send(1, LONG);
    bench.done(0, 1);
    bench.events();
    bench.done(0, 1); // the slot is free
    bench.start(2, LONG); // taken, and unsent
    bench.done(0, 1);
    bench.written();
    bench.done(0, 1);
    bench.done(0, 0);
    assert!(bench.events().is_empty() && !bench.core.wants_close());
    assert_eq!((bench.core.counters().stray_replies, bench.core.counters().broken_server), (4, 0));
    bench.done(0, 2);
    assert_eq!(bench.verdict(), (2, done()));
}

#[test]
fn a_status_that_there_is_not_is_the_fault_of_a_broken_server() {
    for code in [4, 15, 23, 255] {
        let mut bench = half_sent();
        bench.hears(&Header { code, ..Header::for_call(Kind::Reply, 0, 1) }, b"");
        is_broken(&mut bench);
    }
}

#[test]
fn a_kind_that_no_server_says_then_is_the_fault_of_a_broken_server() {
    for kind in
        [Kind::Hello, Kind::Call, Kind::Cancel, Kind::Ack, Kind::Ping, Kind::Bye, Kind::Methods, Kind::Busy]
    {
        let mut bench = half_sent();
        bench.hears_kind(kind);
        is_broken(&mut bench);
    }
    let mut bench = half_sent();
    bench.hears(&Header::new(Kind::SessionLost), &[0; 16]);
    is_broken(&mut bench);
    let mut bench = half_sent();
    bench.hears(&Header::new(Kind::Table), &[9]);
    is_broken(&mut bench);
}

#[test]
fn a_resume_that_is_answered_with_another_session_is_the_fault_of_a_broken_server() {
    type Change = fn(&mut Welcome);
    let changes: [Change; 5] = [
        |welcome| welcome.session = SessionId(99),
        |welcome| welcome.slots = 1,
        |welcome| welcome.slots = 3,
        |welcome| welcome.resumed = false,
        |welcome| welcome.agreements.clear(),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut bench = half_sent();
        bench.cut();
        bench.connect();
        let mut welcome = Welcome { resumed: true, ..bench.grants.clone() };
        change(&mut welcome);
        bench.hears(&Header::new(Kind::Welcome), &welcome.encode());
        assert_eq!(bench.core.counters().broken_server, 1, "change {at}");
        is_broken(&mut bench);
    }
}

#[test]
fn a_first_welcome_must_fit_what_was_asked() {
    type Change = fn(&mut Welcome);
    let changes: [(Change, bool); 7] = [
        (|welcome| welcome.slots = 1, true),
        (|welcome| welcome.slots = 2, true),
        (|welcome| welcome.slots = 3, false),
        (|welcome| welcome.slots = 0, false),
        (|welcome| welcome.resumed = true, false),
        (|welcome| welcome.version = 2, false),
        (|welcome| welcome.agreements.push(Agreement::Same), false),
    ];
    for (at, (change, fits)) in changes.into_iter().enumerate() {
        let mut bench = Bench::new(quiet(2));
        bench.connect();
        bench.start(1, LONG);
        let mut welcome = bench.grants.clone();
        change(&mut welcome);
        bench.hears(&Header::new(Kind::Welcome), &welcome.encode());
        assert_eq!(bench.core.is_ready(), fits, "change {at}");
        assert_eq!(bench.core.wants_close(), !fits, "change {at}");
        assert!(bench.events().is_empty(), "V16: a call that was not sent waits for the next session");
    }
}

#[test]
fn a_server_may_grant_as_many_slots_as_were_asked_for_and_never_more_than_the_protocol_has() {
    for (asked, granted, fits) in [
        (MAX_SLOTS, MAX_SLOTS, true),
        (MAX_SLOTS + 1, MAX_SLOTS, true),
        (MAX_SLOTS + 1, MAX_SLOTS + 1, false),
        (0, 1, true),
        (0, 2, false),
    ] {
        let mut bench = Bench::new(quiet(asked));
        bench.connect();
        bench.grants.slots = granted;
        bench.welcome(false);
        assert_eq!(bench.core.is_ready(), fits, "{asked} asked for, {granted} granted");
    }
}

#[test]
fn v14_a_bit_that_was_changed_in_a_length_is_not_the_servers_fault_and_the_session_is_resumed() {
    for (at, bit) in (0..4).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut bench = half_sent();
        let mut bytes = encoded(&reply(0, 1, Status::Done), b"r").to_vec();
        bytes[at] ^= 1 << bit;
        bench.core.handle_input(bytes.into(), bench.now);
        assert!(bench.core.wants_close(), "byte {at} bit {bit}");
        assert!(bench.events().is_empty() && bench.core.counters().broken_server == 0, "byte {at} bit {bit}");
        bench.resume();
        bench.done(0, 1);
        assert_eq!(bench.verdict(), (1, done()));
    }
}

#[test]
fn a_frame_that_is_soundly_over_every_limit_is_the_fault_of_a_broken_server() {
    let most = ClientLimits::default().max_frame * crate::limits::SKIP_FACTOR;
    for (header, length) in [(reply(0, 1, Status::Done), most + 1), (Header::new(Kind::Table), most)] {
        let mut bench = half_sent();
        bench.core.handle_input(header.encode(length, 0).to_vec().into(), bench.now);
        is_broken(&mut bench);
    }
}

#[test]
fn nothing_that_a_broken_server_says_afterwards_counts() {
    let mut bench = half_sent();
    let mut bytes = encoded(&reply(7, 1, Status::Done), b"").to_vec();
    bytes.extend_from_slice(&encoded(&reply(0, 1, Status::Done), b"r"));
    bench.core.handle_input(bytes.into(), bench.now);
    bench.done(0, 1);
    assert_eq!(bench.events(), [(1, false, unknown(UnknownCause::BrokenServer))]);
    assert!(bench.written().is_empty());
}

#[test]
fn a_call_that_is_orphaned_when_the_server_breaks_is_unknown_for_the_caller_that_still_asks() {
    let mut bench = Bench::with_slots(3);
    bench.send(1, crate::proto::tests::ms(10));
    bench.send(2, LONG);
    bench.pass(crate::proto::tests::ms(10));
    bench.core.abandon(2, bench.now);
    assert_eq!(bench.events(), [(1, false, unknown(UnknownCause::Deadline))]);
    assert_eq!(bench.core.orphaned_slots(), 2);
    bench.done(9, 1);
    assert_eq!(
        bench.events(),
        [(1, true, unknown(UnknownCause::BrokenServer))],
        "and no caller asks about 2"
    );
    assert_eq!(bench.core.orphaned_slots(), 0);
}

#[test]
fn a_reply_over_the_clients_limit_is_lost_and_the_session_goes_on() {
    let limits = ClientLimits { max_frame: 5000, ..quiet(2) };
    let mut bench = Bench::up(limits);
    bench.send(1, LONG);
    bench.send(2, LONG);
    bench.reply(0, 1, Status::Done, &[1; 5001]);
    let (tag, outcome) = bench.verdict();
    assert!(
        matches!(&outcome, Outcome::ReplyLost(text) if text.contains("5001") && text.contains("5000")),
        "{outcome:?}"
    );
    assert_eq!((tag, bench.core.wants_close()), (1, false));
    bench.reply(1, 1, Status::Done, &[1; 5000]);
    assert!(matches!(bench.verdict(), (2, Outcome::Done(body)) if body.len() == 5000));
}

#[test]
fn a_refusal_whose_text_is_over_the_limit_is_still_a_refusal() {
    let limits = ClientLimits { max_frame: 5000, ..quiet(1) };
    let mut bench = Bench::up(limits);
    bench.send(1, LONG);
    bench.reply(0, 1, Status::Refused(Reason::Cancelled), &[b'x'; 5001]);
    assert_eq!(bench.verdict(), (1, Outcome::NotExecuted(Reason::Cancelled, String::new())), "V7");
}

#[test]
fn of_a_broken_server_no_further_frame_is_looked_at() {
    let mut bench = half_sent();
    let unasked = encoded(&reply(9, 1, Status::Done), b"");
    bench.core.handle_input([&unasked[..], &unasked].concat().into(), bench.now);
    is_broken(&mut bench);
}
