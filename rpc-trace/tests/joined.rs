//! Spans of both sides: one for each call on each side, in one trace, with the right parents.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use rpc_sim::Faults;
use rpc_trace::TraceContext;

use crate::collector::{Ended, spans_of, spans_without};
use crate::service::{BackClient, back, front, traced, with_parent};

/// Asserts that one span is the child of another.
fn assert_child(child: &Ended, parent: &Ended) {
    assert_eq!(child.field("trace_id"), parent.field("trace_id"), "{child:?} of {parent:?}");
    assert_eq!(child.field("parent_id"), parent.field("span_id"), "{child:?} of {parent:?}");
    assert_eq!(child.field("span_id").len(), 16);
}

/// Returns the only span of a name and a method.
fn one<'a>(spans: &'a [Ended], name: &str, method: &str) -> &'a Ended {
    let mut found = spans.iter().filter(|span| span.name == name && span.field("otel.name") == method);
    let one = found.next().unwrap_or_else(|| panic!("no {name} of {method} in {spans:?}"));
    assert!(found.next().is_none(), "two of {name} of {method} in {spans:?}");
    one
}

#[test]
fn the_spans_of_a_call_on_both_sides_are_parent_and_child_in_one_trace() {
    let (network, _) = back(1, Faults::none());
    let back = traced(&network);
    let spans = spans_of(|| assert_eq!(back.add(2).ok(), Some(2)));
    let (client, server) = (one(&spans, "rpc.client", "Back.add"), one(&spans, "rpc.server", "Back.add"));
    assert_eq!(spans.len(), 2);
    assert_child(server, client);
    assert_eq!((client.field("trace_id").len(), client.field("parent_id")), (32, ""));
    assert_eq!((client.field("verdict"), server.field("status")), ("Done", "Done"));
    assert_eq!((client.entered, server.entered), (0, 1), "the handler runs in its span");
    assert_eq!((client.field("otel.kind"), server.field("otel.kind")), ("client", "server"));
    assert_eq!(client.field("server.address"), "the simulated server");
}

#[test]
fn calls_of_a_handler_are_children_of_its_span_also_if_it_passes_its_metadata_on() {
    for passes_on in [false, true] {
        let front = front();
        let spans = spans_of(|| assert_eq!(front.add(passes_on).ok(), Some(1)));
        assert_eq!(spans.len(), 4);
        let chain = [("rpc.client", "Front.add"), ("rpc.server", "Front.add"), ("rpc.client", "Back.add")];
        let chain = chain.map(|(name, method)| one(&spans, name, method));
        assert_child(chain[1], chain[0]);
        assert_child(chain[2], chain[1]);
        assert_child(one(&spans, "rpc.server", "Back.add"), chain[2]);
    }
}

#[test]
fn calls_of_one_scope_belong_to_its_trace_and_a_parent_in_the_metadata_comes_before_it() {
    let (network, _) = back(1, Faults::none());
    let back = traced(&network);
    let (scope, set) = (TraceContext::root(), TraceContext::root());
    let spans = spans_of(|| {
        scope.in_scope(|| {
            assert_eq!(back.add(1).ok(), Some(1));
            assert_eq!(with_parent(&back.call, &set.to_string()).fail().ok(), None);
        });
    });
    for (method, parent) in [("Back.add", scope), ("Back.fail", set)] {
        let client = one(&spans, "rpc.client", method);
        assert_eq!(client.field("trace_id"), format!("{:032x}", parent.trace_id()));
        assert_eq!(client.field("parent_id"), format!("{:016x}", parent.span_id()));
        assert_child(one(&spans, "rpc.server", method), client);
    }
    assert_eq!(one(&spans, "rpc.server", "Back.fail").field("status"), "Failed");
}

#[test]
fn a_hostile_trace_context_begins_a_new_trace_and_stops_no_call() {
    let (network, adder) = back(1, Faults::none());
    let plain: BackClient = network.client();
    let long = format!("00-{}", "f".repeat(900));
    let hostile =
        ["", "00-0-0-00", "\x1b[31m", "00-FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF-FFFFFFFFFFFFFFFF-01", &long];
    for traceparent in hostile {
        let spans = spans_of(|| {
            assert!(with_parent(&plain.call, traceparent).add(1).is_ok());
        });
        let server = one(&spans, "rpc.server", "Back.add");
        assert_eq!((server.field("parent_id"), server.field("trace_id").len()), ("", 32), "{traceparent}");
        assert!(!format!("{server:?}").contains("\\u{1b}"), "{server:?}");
    }
    assert_eq!(adder.0.load(Ordering::Relaxed), hostile.len() as u64);
}

#[test]
fn over_a_faulty_network_each_call_that_ran_has_one_span_on_each_side() {
    let mut sent_again = 0;
    for seed in 0..25 {
        let (network, _) = back(seed, Faults::bad());
        let back = traced(&network);
        let spans = spans_of(|| {
            let started: Vec<_> = (0..12).map(|_| back.start.add(1)).collect();
            let _verdicts: Vec<_> = started.into_iter().map(|started| started.wait().is_ok()).collect();
            network.set_faults(Faults::none());
            network.run_for(std::time::Duration::from_secs(120));
        });
        let (clients, servers): (Vec<_>, Vec<_>) = spans.iter().partition(|span| span.name == "rpc.client");
        assert_eq!(clients.len(), 12, "seed {seed}");
        assert_eq!(servers.len() as u64, network.server_counters().executions, "seed {seed}");
        let by_id: HashMap<_, _> = clients.iter().map(|span| (span.field("span_id"), *span)).collect();
        let mut parents: Vec<_> = servers.iter().map(|span| span.field("parent_id")).collect();
        servers.iter().for_each(|span| assert_child(span, by_id[span.field("parent_id")]));
        parents.sort_unstable();
        parents.dedup();
        assert_eq!(parents.len(), servers.len(), "seed {seed}: no call has two spans on the server");
        sent_again += back.call.counters().resent;
    }
    assert!(sent_again > 25, "the network has lost calls: {sent_again}");
}

#[test]
fn without_a_subscriber_there_is_no_span_and_no_metadata_and_a_received_context_goes_on() {
    let (network, _) = back(1, Faults::none());
    let back = traced(&network);
    assert_eq!(back.metadata().ok(), Some(Vec::new()));
    let set = TraceContext::root().to_string();
    let sent = with_parent(&back.call, &set).metadata().expect("it runs");
    assert_eq!(sent, [("traceparent".to_owned(), set)]);
    let front = front();
    let spans = spans_without(Some("rpc.client"), || assert_eq!(front.add(true).ok(), Some(1)));
    let (front, back) = (one(&spans, "rpc.server", "Front.add"), one(&spans, "rpc.server", "Back.add"));
    assert_child(back, front);
}

#[test]
fn a_started_call_that_is_dropped_and_one_that_panics_end_their_spans() {
    let (network, _) = back(1, Faults::none());
    let back = traced(&network);
    let spans = spans_of(|| {
        drop(back.start.add(1));
        assert!(back.panic().is_err());
    });
    assert_eq!(one(&spans, "rpc.client", "Back.add").field("verdict"), "Cancelled");
    assert_eq!(one(&spans, "rpc.client", "Back.panic").field("verdict"), "Panicked");
    assert_eq!(one(&spans, "rpc.server", "Back.panic").field("status"), "Panicked");
}
