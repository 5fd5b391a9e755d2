//! Rules of the canonical form of a server, and of what a search asks about its calls and sessions.

use super::*;
use crate::ids::CallId;
use crate::proto::Canonical;
use crate::proto::tests::{LOOK, secs};

#[test]
fn each_timer_of_a_greeting_is_in_the_form_with_the_place_of_its_connection() {
    let mut bench = Bench::plain();
    let [a, b, c] = [1, 2, 3].map(|seconds| {
        bench.pass(secs(seconds) / 1000);
        bench.connect()
    });
    let form = |order: [ConnId; 3]| {
        let mut form = Canonical::new(bench.now, secs(1000));
        bench.core.canonical(&order, &mut form);
        form.as_bytes().to_vec()
    };
    let orders = [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]];
    for (at, order) in orders.iter().enumerate() {
        assert_eq!(form(*order), form(*order));
        for other in &orders[at + 1..] {
            assert_ne!(form(*order), form(*other));
        }
    }
}

#[test]
fn a_call_is_cancelled_once_its_cancel_has_arrived_and_no_other_one_is() {
    let mut bench = Bench::plain();
    let peer = bench.open();
    let name = |slot, seq| CallId { session: peer.id, slot, seq };
    bench.call_of(&peer, 0, 1, LOOK, b"");
    bench.call_of(&peer, 1, 1, PLAIN, b"");
    bench.begin();
    bench.begin();
    assert_eq!(bench.core.is_cancelled(name(0, 1)), Some(false));
    bench.cancel(&peer, 0, 1);
    assert_eq!(bench.core.is_cancelled(name(0, 1)), Some(true));
    assert_eq!(bench.core.is_cancelled(name(0, 2)), None, "there is no such call");
    assert_eq!(bench.core.is_cancelled(name(1, 1)), None, "its method does not look");
}

#[test]
fn a_session_says_since_when_no_connection_carries_it() {
    let mut bench = Bench::plain();
    let mut peer = bench.open();
    assert_eq!(bench.core.detached_since(peer.id), None);
    bench.cut(&peer);
    let cut = bench.now;
    assert_eq!(bench.core.detached_since(peer.id), Some(cut));
    assert!(bench.resume(&mut peer) && bench.core.detached_since(peer.id).is_none());
    bench.bye(&peer);
    assert_eq!(bench.core.detached_since(peer.id), None, "it has ended");
}

#[test]
fn the_time_that_a_drain_waits_for_a_detached_session_is_in_the_form() {
    // Cut after one second or after two, and looked at after three. The lease is beyond the horizon.
    let form = |drains: bool, cut_after: u64| {
        let mut bench = Bench::plain();
        let peer = bench.open();
        if drains {
            bench.core.start_drain(bench.now);
        }
        bench.pass(secs(cut_after));
        bench.cut(&peer);
        bench.pass(secs(3 - cut_after));
        let mut form = Canonical::new(bench.now, secs(10));
        bench.core.canonical(&[], &mut form);
        form.as_bytes().to_vec()
    };
    assert_eq!(form(false, 1), form(false, 2), "without a drain only the lease counts");
    assert_ne!(form(true, 1), form(true, 2), "one of the two ends the drain earlier");
}
