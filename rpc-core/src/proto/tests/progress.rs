//! Rules of progress, work and memory over both sides: V16, V17 and V18, when frames are lost, doubled, held or out of order.

use super::pair::Pair;
use super::{LOOK, READ, ms, request, secs};
use crate::limits::{ClientLimits, ServerLimits};
use crate::proto::Request;
use crate::wire::frame::{Frame, Kind};

/// A deadline that no test reaches.
const LONG: std::time::Duration = std::time::Duration::from_secs(100_000);

/// Asserts V18: nothing is kept, waits or runs, and no slot is taken.
fn at_rest(pair: &mut Pair) {
    pair.pass(secs(3));
    let server = pair.server.counters();
    assert_eq!((server.kept_bytes, server.queued, server.running), (0, 0, 0), "V18");
    assert!(!pair.client.owes() && pair.client.in_flight() == 0 && pair.client.orphaned_slots() == 0, "V18");
}

#[test]
fn v16_every_call_gets_its_reply_when_any_one_frame_is_lost() {
    for lost in 0..40 {
        let mut pair = Pair::plain(3);
        for tag in 1..=7 {
            pair.start(tag, LONG);
        }
        let mut number = 0;
        let mut keep = |_: &Frame| {
            number += 1;
            number != lost + 1
        };
        pair.settle_with(&mut keep);
        pair.pass(secs(60));
        assert_eq!(pair.all_done(), [1, 2, 3, 4, 5, 6, 7], "frame {lost} was lost");
        assert_eq!(pair.server.counters().executions, 7, "V1");
        at_rest(&mut pair);
    }
}

#[test]
fn v16_every_call_gets_its_reply_when_the_connection_is_lost_after_any_one_frame() {
    for size in [10, 200, 20_000] {
        for after in 0..40 {
            let mut pair = Pair::plain(3);
            pair.reply_size = size;
            for tag in 1..=7 {
                pair.start(tag, LONG);
            }
            let mut number = 0;
            pair.settle_with(|_| {
                number += 1;
                number <= after // and nothing more arrives on this connection
            });
            pair.cut();
            pair.pass(secs(60));
            let verdicts = pair.verdicts();
            assert_eq!(verdicts.len(), 7, "{size} bytes, after frame {after}");
            assert_eq!(pair.server.counters().executions, 7, "V1, V16");
            at_rest(&mut pair);
        }
    }
}

#[test]
fn v16_calls_in_the_clients_buffer_when_the_connection_is_lost_get_their_replies_after_the_resume() {
    let mut pair = Pair::plain(3);
    pair.settle();
    for tag in 1..=3 {
        pair.start(tag, LONG);
    }
    let mut out = Vec::new();
    pair.client.poll_transmit(&mut out, pair.now); // and no byte of it leaves
    pair.cut();
    pair.pass(secs(10));
    assert_eq!(pair.all_done(), [1, 2, 3]);
    at_rest(&mut pair);
}

#[test]
fn every_frame_may_arrive_twice_and_in_any_order_without_harm() {
    for turn in 0..6 {
        let mut pair = Pair::plain(4);
        pair.settle();
        for tag in 1..=9 {
            pair.start(tag, LONG);
        }
        for _ in 0..60 {
            pair.act();
            pair.up.rotate_left(turn.min(pair.up.len()));
            pair.down.rotate_left(turn.min(pair.down.len()));
            if let Some(frame) = pair.up.pop_front() {
                pair.reach_server(&frame);
                pair.reach_server(&frame);
            }
            if let Some(frame) = pair.down.pop_back() {
                pair.reach_client(&frame);
                pair.reach_client(&frame);
            }
        }
        pair.pass(secs(10));
        assert_eq!(pair.all_done(), (1..=9).collect::<Vec<u64>>(), "turn {turn}");
        assert_eq!(pair.server.counters().executions, 9, "V1");
        at_rest(&mut pair);
    }
}

#[test]
fn v16_a_call_refused_as_busy_gets_its_reply_once_there_is_room_and_meanwhile_driven() {
    let client = ClientLimits { slots: 4, ..ClientLimits::default() };
    let mut pair = Pair::new(client, ServerLimits { queue: 1, ..ServerLimits::default() });
    pair.runs = false;
    pair.settle();
    for tag in 1..=4 {
        pair.ask(tag, Request { retry: true, ..request(LOOK, b"", secs(30)) });
    }
    pair.settle();
    assert!(pair.server.counters().refused > 0, "three of them had no place");
    pair.runs = true;
    pair.pass(secs(5));
    assert_eq!(pair.all_done(), [1, 2, 3, 4]);
    at_rest(&mut pair);
}

#[test]
fn v17_a_call_over_a_lossy_network_goes_out_no_more_often_than_the_times_of_retransmissions_allow() {
    let client = ClientLimits { slots: 1, ping_after: LONG, ..ClientLimits::default() };
    let mut pair = Pair::new(client, ServerLimits::default());
    pair.settle();
    pair.start(1, secs(300));
    let mut calls = 0;
    pair.pass_with(secs(299), |frame| {
        calls += u32::from(frame.header.kind == Kind::Call);
        frame.header.kind != Kind::Reply // every reply is lost
    });
    assert!((12..=17).contains(&calls), "V17: {calls} times in 299 s: 1, 2, 4, 8, 16, 30, 30 .. s apart");
    assert_eq!(pair.server.counters().executions, 1, "V1");
    pair.pass(secs(40));
    assert_eq!(pair.verdicts().len(), 2, "unknown at its deadline, and resolved by the reply to its CANCEL");
    at_rest(&mut pair);
}

#[test]
fn v18_an_idempotent_call_leaves_nothing_and_one_that_was_given_up_neither() {
    let mut pair = Pair::plain(2);
    pair.settle();
    pair.call_of(1, READ, LONG);
    pair.start(2, LONG);
    pair.runs = false;
    pair.settle();
    pair.client.abandon(2, pair.now);
    pair.settle();
    pair.runs = true;
    pair.pass(secs(5));
    assert_eq!(pair.all_done(), [1]);
    at_rest(&mut pair);
}

#[test]
fn v18_a_client_that_closes_leaves_nothing_on_the_server() {
    let mut pair = Pair::plain(2);
    for tag in 1..=6 {
        pair.start(tag, LONG);
    }
    pair.settle();
    assert!(pair.server.counters().kept_bytes > 0);
    pair.client.close(pair.now);
    pair.pass(secs(1));
    let counters = pair.server.counters();
    assert_eq!(
        (counters.sessions, counters.kept_bytes, counters.records, counters.connections),
        (0, 0, 0, 0)
    );
}

#[test]
fn v20_a_drain_with_an_idle_and_a_busy_client_ends_as_soon_as_the_last_reply_is_acknowledged() {
    let mut pair = Pair::plain(2);
    pair.start(1, LONG);
    pair.settle();
    pair.runs = false;
    pair.start(2, LONG);
    pair.settle();
    pair.server.start_drain(pair.now);
    pair.pass(secs(4));
    assert!(!pair.server.is_drained());
    pair.runs = true;
    pair.pass(ms(100));
    assert!(pair.server.is_drained() && !pair.server.was_forced());
    assert_eq!(pair.all_done(), [1, 2]);
    assert_eq!((pair.server.counters().sessions, pair.server.counters().kept_bytes), (0, 0));
}
