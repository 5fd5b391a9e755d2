//! The protocol's table row by row, with frames by hand against the server's state machine.

use std::time::Duration;

use rpc_core::error::Reason;
use rpc_core::limits::ServerLimits;
use rpc_core::wire::frame::{Header, Kind};
use rpc_core::wire::message::Status;
use rpc_tests::ledger::Does;

use crate::bench::{Bench, NOW};

fn refused(seq: u64, reason: Reason) -> Vec<(u64, Status)> {
    vec![(seq, Status::Refused(reason))]
}

#[test]
fn a_call_below_last_never_runs_and_gets_no_reply() {
    let mut bench = Bench::new();
    bench.call(5);
    bench.run(b"five");
    assert_eq!(bench.replies().len(), 1);
    bench.call(4);
    assert!(bench.begin().is_none() && bench.replies().is_empty());
    assert_eq!(bench.core.counters().duplicates_stale, 1);
}

#[test]
fn a_duplicate_of_a_queued_or_running_call_does_nothing_now() {
    let mut bench = Bench::new();
    bench.call(1);
    bench.call(1);
    let key = bench.begin().expect("it runs");
    bench.call(1);
    assert!(bench.begin().is_none() && bench.replies().is_empty());
    bench.core.finish(key, Status::Done, b"one", NOW);
    assert_eq!(bench.replies(), [(1, Status::Done)]);
}

#[test]
fn a_duplicate_of_a_kept_reply_gets_the_same_bytes_unless_they_are_still_unsent() {
    let mut bench = Bench::new();
    bench.call(1);
    bench.run(b"same");
    bench.call(1); // the reply waits in the buffer: not twice
    let frames = bench.read(bench.conn);
    assert_eq!(frames.iter().map(|f| &f.body[..]).collect::<Vec<_>>(), [b"same"]);
    bench.call(1);
    assert_eq!(bench.read(bench.conn)[0].body[..], *b"same");
    bench.resume();
    bench.call(1);
    assert_eq!(bench.read(bench.conn)[0].body[..], *b"same");
}

#[test]
fn a_reply_over_the_cache_limit_is_sent_once_and_then_lost() {
    let mut bench = Bench::new();
    bench.call(1);
    bench.run(&[7; 65]);
    assert_eq!(bench.replies(), [(1, Status::Done)]);
    bench.call(1);
    assert_eq!(bench.replies(), [(1, Status::ReplyLost)]);
    assert!(bench.begin().is_none());
}

#[test]
fn a_duplicate_of_a_refused_call_is_refused_the_same_way_even_when_there_is_room_now() {
    let mut bench = Bench::with(true, ServerLimits { queue: 1, ..ServerLimits::default() });
    bench.write(bench.conn, &Header { millis: 9, ..Header::for_call(Kind::Cancel, 1, 1) }, &[]);
    bench.read(bench.conn);
    let header =
        Header { method: Does::Reply.method().id, millis: 1000, ..Header::for_call(Kind::Call, 2, 1) };
    bench.write(bench.conn, &header, &[]); // takes the one place
    bench.call(1);
    assert_eq!(bench.replies(), refused(1, Reason::Busy));
    bench.begin().expect("the other one runs");
    bench.call(1);
    assert_eq!(bench.replies(), refused(1, Reason::Busy));
    assert!(bench.begin().is_none());
}

#[test]
fn a_duplicate_of_an_acknowledged_call_gets_nothing() {
    let mut bench = Bench::new();
    bench.call(1);
    bench.run(b"one");
    bench.replies();
    bench.ack(1);
    assert_eq!(bench.core.counters().kept_bytes, 0);
    bench.call(1);
    assert!(bench.replies().is_empty() && bench.begin().is_none());
}

#[test]
fn the_same_number_with_another_body_is_a_protocol_error_and_gets_no_other_calls_reply() {
    let mut bench = Bench::new();
    bench.call_with(1, Does::Reply, 1, 1000);
    bench.run(b"one");
    bench.replies();
    bench.call_with(1, Does::Reply, 2, 1000);
    assert!(bench.is_rejected());
}

#[test]
fn a_duplicate_with_another_time_left_is_a_duplicate() {
    let mut bench = Bench::new();
    bench.call_with(1, Does::Reply, 1, 1000);
    bench.call_with(1, Does::Reply, 1, 10);
    bench.now = NOW.plus(Duration::from_millis(11)); // it brought the deadline forward
    assert!(bench.begin().is_none());
    assert_eq!(bench.replies(), refused(1, Reason::Deadline));
}

#[test]
fn a_duplicate_never_puts_a_queued_calls_deadline_back() {
    let mut bench = Bench::new();
    bench.call_with(1, Does::Reply, 1, 10);
    bench.call_with(1, Does::Reply, 1, 9000);
    bench.now = NOW.plus(Duration::from_millis(11));
    assert!(bench.begin().is_none());
    assert_eq!(bench.replies(), refused(1, Reason::Deadline));
}

#[test]
fn a_call_that_is_late_already_is_refused_and_recorded() {
    let mut bench = Bench::new();
    bench.call_with(1, Does::Reply, 1, 0);
    assert_eq!(bench.replies(), refused(1, Reason::Deadline));
    bench.call_with(1, Does::Reply, 1, 1000);
    assert_eq!(bench.replies(), refused(1, Reason::Deadline));
}

#[test]
fn a_higher_number_over_a_call_under_way_is_a_protocol_error() {
    for running in [false, true] {
        let mut bench = Bench::new();
        bench.call(1);
        if running {
            bench.begin().expect("it runs");
        }
        bench.call(2);
        assert!(bench.is_rejected(), "running: {running}");
        bench.resume();
        bench.cancel(2);
        assert!(bench.is_rejected(), "running: {running}");
    }
}

#[test]
fn slots_and_numbers_outside_their_range_are_protocol_errors() {
    for (slot, seq) in [(4, 1), (u16::MAX, 1), (0, 0), (0, 1 << 63), (0, u64::MAX)] {
        for kind in [Kind::Call, Kind::Cancel, Kind::Ack] {
            let mut bench = Bench::new();
            bench.write(bench.conn, &Header { millis: 1, ..Header::for_call(kind, slot, seq) }, &[]);
            assert!(bench.is_rejected(), "{kind:?} {slot}/{seq}");
        }
    }
}

#[test]
fn cancel_keeps_a_queued_call_from_running_and_tells_a_running_one() {
    let mut bench = Bench::new();
    bench.call(1);
    bench.cancel(1);
    assert_eq!(bench.replies(), refused(1, Reason::Cancelled));
    assert!(bench.begin().is_none());
    bench.call_with(2, Does::Look, 2, 1000);
    let ready = bench.core.poll_call(NOW).expect("it runs");
    bench.cancel(2);
    assert!(bench.replies().is_empty());
    assert!(ready.cancelled.expect("it looks").load(std::sync::atomic::Ordering::Relaxed));
    bench.core.finish(ready.key, Status::Done, b"ran", NOW);
    assert_eq!(bench.replies(), [(2, Status::Done)]); // a running call never becomes refused
}

#[test]
fn cancel_before_its_call_is_recorded_and_any_call_of_that_number_is_its_duplicate() {
    let mut bench = Bench::new();
    bench.cancel(1);
    assert_eq!(bench.replies(), refused(1, Reason::Cancelled));
    bench.call(1);
    assert_eq!(bench.replies(), refused(1, Reason::Cancelled));
    assert!(bench.begin().is_none());
}

#[test]
fn cancel_of_a_final_call_gets_its_reply_and_below_last_nothing() {
    let mut bench = Bench::new();
    bench.call(2);
    bench.run(b"two");
    bench.replies();
    bench.cancel(2);
    assert_eq!(bench.replies(), [(2, Status::Done)]);
    bench.cancel(1);
    assert!(bench.replies().is_empty());
}

#[test]
fn an_ack_of_a_call_under_way_is_a_protocol_error_and_of_any_other_number_nothing() {
    let mut bench = Bench::new();
    bench.ack(3); // above last
    bench.call(5);
    bench.ack(4);
    bench.ack(6);
    assert!(!bench.is_rejected());
    bench.ack(5);
    assert!(bench.is_rejected());
}

#[test]
fn an_oversize_call_is_refused_and_recorded_and_its_connection_lives() {
    let mut bench = Bench::new();
    let header = Header { method: Does::Reply.method().id, millis: 9, ..Header::for_call(Kind::Call, 0, 1) };
    for _ in 0..2 {
        bench.write(bench.conn, &header, &[1; 5000]);
        assert_eq!(bench.replies(), refused(1, Reason::TooLarge));
    }
    bench.call(2);
    bench.run(b"two");
    assert_eq!(bench.replies(), [(2, Status::Done)]);
}

#[test]
fn a_stub_may_refuse_a_call_after_it_was_handed_out() {
    let mut bench = Bench::new();
    bench.call(1);
    let key = bench.begin().expect("handed out");
    bench.core.finish(key, Status::Refused(Reason::BadArguments), b"why", NOW);
    assert_eq!(bench.replies(), refused(1, Reason::BadArguments));
}

#[test]
fn a_reply_goes_to_the_connection_that_is_attached_when_it_is_there() {
    let mut bench = Bench::new();
    bench.call(1);
    let key = bench.begin().expect("it runs");
    let older = bench.conn;
    bench.resume();
    bench.core.finish(key, Status::Done, b"one", NOW);
    assert_eq!(bench.replies(), [(1, Status::Done)]);
    assert!(bench.core.wants_close(older) && bench.read(older).is_empty());
}

#[test]
fn after_bye_queued_calls_do_not_run_and_late_results_find_no_session() {
    let mut bench = Bench::new();
    bench.call(1);
    let key = bench.begin().expect("it runs");
    bench.write(
        bench.conn,
        &Header { method: Does::Reply.method().id, millis: 9, ..Header::for_call(Kind::Call, 1, 1) },
        &[],
    );
    bench.write(bench.conn, &Header::new(Kind::Bye), &[]);
    assert!(bench.begin().is_none());
    bench.core.finish(key, Status::Done, b"late", NOW);
    assert_eq!(bench.core.counters().results_without_session, 1);
    assert_eq!(bench.core.counters().sessions, 0);
}

#[test]
fn a_session_expires_after_its_lease_but_not_while_a_call_runs() {
    let mut bench = Bench::new();
    bench.call(1);
    let key = bench.begin().expect("it runs");
    bench.core.handle_closed(bench.conn, NOW);
    let later = NOW.plus(Duration::from_secs(200));
    bench.core.handle_timeout(later);
    assert_eq!(bench.core.counters().sessions, 1);
    bench.core.finish(key, Status::Done, b"one", later);
    bench.core.handle_timeout(later.plus(Duration::from_secs(61)));
    assert_eq!(bench.core.counters().sessions, 0);
}

#[test]
fn a_session_with_an_admitted_call_is_never_evicted_for_another() {
    let mut bench = Bench::with(true, ServerLimits { sessions: 2, ..ServerLimits::default() });
    bench.call(1);
    bench.run(b"one");
    let used = (bench.session, bench.token);
    bench.core.handle_closed(bench.conn, NOW);
    let unused = bench.greet(None);
    bench.core.handle_closed(unused, NOW);
    let third = bench.greet(None); // takes the place of the unused one
    bench.core.handle_closed(third, NOW);
    bench.conn = bench.greet(Some(used));
    bench.call(1);
    assert_eq!(bench.replies(), [(1, Status::Done)]);
}

#[test]
fn with_the_filter_off_a_duplicate_runs_beside_the_record_and_a_refused_one_does_not() {
    let mut bench = Bench::with(false, ServerLimits::default());
    bench.call(1);
    let first = bench.begin().expect("it runs");
    bench.call(1);
    let duplicate = bench.begin().expect("its duplicate runs as well");
    bench.core.finish(duplicate, Status::Done, b"duplicate", NOW);
    assert!(bench.replies().is_empty(), "V3: its client must not go on before the record is final");
    bench.core.finish(first, Status::Done, b"first", NOW);
    assert_eq!(bench.replies(), [(1, Status::Done)]);
    bench.cancel(2);
    bench.ack(2);
    bench.replies();
    bench.call(2);
    assert!(bench.begin().is_none(), "V7: an acknowledged refusal is still a refusal");
}

#[test]
fn a_drain_does_not_open_a_superseded_connection_again() {
    let mut bench = Bench::new();
    let older = bench.conn;
    bench.call(1);
    bench.run(b"one");
    bench.resume();
    assert!(bench.core.wants_close(older));
    bench.core.start_drain(NOW);
    assert!(bench.core.wants_close(older), "a closed connection stays closed");
}

#[test]
fn a_call_to_a_draining_server_is_refused_and_recorded_and_a_duplicate_of_a_finished_one_gets_its_reply() {
    let mut bench = Bench::new();
    bench.call(1);
    bench.core.start_drain(NOW);
    bench.run(b"one");
    assert_eq!(bench.replies(), [(1, Status::Done)]);
    bench.call(2);
    assert_eq!(bench.replies(), refused(2, Reason::Draining));
    let call = rpc_core::ids::CallId { session: bench.session, slot: 0, seq: 2 };
    assert_eq!(bench.core.last_of(call), Some(2));
    bench.call(1);
    assert!(bench.replies().is_empty());
}
