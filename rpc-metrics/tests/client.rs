//! Each verdict of a client's call is counted under its method, on the same page as the server's counts.

use std::sync::mpsc::channel;
use std::time::Duration;

use rpc_core::{CallError, OutgoingCall, Refused};
use rpc_metrics::Metrics;

use crate::service::{EndsClient, Tester, counted};
use crate::text_format::Page;

/// Asserts the counts of a method: begun, running, and those of its verdicts that are not zero.
fn assert_counts(metrics: &Metrics, method: &str, begun: f64, running: f64, ends: &[(&str, f64)]) {
    let page = Page::of(&metrics.page().expect("it can be written"));
    let of = |family: &str| page.value(&format!("{family}{{method=\"Ends.{method}\"}}")).expect("a series");
    assert_eq!(of("rpc_client_calls_begun_total"), begun, "{method}");
    assert_eq!(of("rpc_client_calls_running"), running, "{method}");
    let prefix = format!("rpc_client_calls_ended_total{{method=\"Ends.{method}\",verdict=\"");
    let seen: Vec<_> = page.beginning(&prefix).into_iter().filter(|(_, count)| *count > 0.0).collect();
    let wanted: Vec<_> = ends.iter().map(|(end, count)| (format!("{prefix}{end}\"}}"), *count)).collect();
    assert_eq!(seen, wanted.iter().map(|(end, count)| (end.as_str(), *count)).collect::<Vec<_>>());
    let ended: f64 = seen.iter().map(|(_, count)| count).sum();
    assert_eq!(of("rpc_client_call_duration_seconds_count"), ended, "{method}");
}

#[test]
fn each_verdict_of_a_client_is_counted_once_also_if_the_call_was_sent_twice() {
    let metrics = Metrics::new();
    let (responders, held) = channel();
    let server = counted(&Metrics::new(), Tester(responders));
    let plain = EndsClient::connect(server.local_addr()).expect("it listens");
    let refuses = |call: &mut OutgoingCall| match call.method().name {
        "Ends.panicked" => Err(Refused::denied("this client does not want it")),
        _ => Ok(()),
    };
    let ends = metrics.around_client(&plain.call.around(refuses).call);
    assert_counts(&metrics, "done", 0.0, 0.0, &[]);
    assert_eq!((ends.done().ok(), ends.start.done().wait().ok()), (Some(1), Some(1)));
    assert!(ends.failed().is_err() && ends.denied().is_err() && ends.panicked().is_err());
    assert_eq!(ends.busy().ok(), Some(2), "its client tries it again");
    let (dropped, open) = (ends.start.later(), ends.start.later());
    let responders = [held.recv().expect("it runs"), held.recv().expect("it runs")];
    drop(dropped);
    let late = ends.call.with_deadline(Duration::from_millis(20)).later();
    // It is unknown if it has begun in time, and else it was not executed: each is counted as what its caller is told.
    let late = match late {
        Err(CallError::Unknown(_)) => "unknown",
        Err(CallError::NotExecuted(_)) => "not_executed",
        other => panic!("it ends at its deadline, and not as {other:?}"),
    };
    assert_counts(&metrics, "done", 2.0, 0.0, &[("done", 2.0)]);
    assert_counts(&metrics, "failed", 1.0, 0.0, &[("failed", 1.0)]);
    assert_counts(&metrics, "denied", 1.0, 0.0, &[("denied", 1.0)]);
    assert_counts(&metrics, "panicked", 1.0, 0.0, &[("denied", 1.0)]);
    assert_counts(&metrics, "busy", 1.0, 0.0, &[("done", 1.0)]);
    assert_counts(&metrics, "later", 3.0, 1.0, &[("cancelled", 1.0), (late, 1.0)]);
    assert_eq!(plain.done().ok(), Some(1), "and a client without counters is not counted");
    assert_counts(&metrics, "done", 2.0, 0.0, &[("done", 2.0)]);
    plain.call.close();
    assert!(ends.done().is_err() && open.wait().is_err());
    assert_counts(&metrics, "done", 3.0, 0.0, &[("done", 2.0), ("not_executed", 1.0)]);
    drop((responders, held)); // the server would wait for them
}

#[test]
fn the_page_has_the_counts_of_both_sides() {
    let metrics = Metrics::new();
    let server = counted(&metrics, Tester(channel().0));
    let ends = metrics.around_client(&EndsClient::connect(server.local_addr()).expect("it listens").call);
    assert_eq!(ends.done().ok(), Some(1));
    let page = Page::of(&metrics.page().expect("it can be written"));
    for begun in ["rpc_calls_begun_total", "rpc_client_calls_begun_total"] {
        assert_eq!(page.value(&format!("{begun}{{method=\"Ends.done\"}}")), Some(1.0), "{begun}");
    }
    ends.call.close();
}
