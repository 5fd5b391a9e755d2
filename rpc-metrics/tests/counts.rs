//! Each end of a call is counted under its method and its status.

use std::sync::mpsc::channel;

use rpc_core::CallError;
use rpc_metrics::Metrics;

use crate::service::{EndsClient, Tester, counted};
use crate::text_format::Page;

fn page(metrics: &Metrics) -> Page {
    Page::of(&metrics.page().expect("it can be written"))
}

/// Asserts the counts of a method of the tests: begun, running, and those of its ends that are not zero.
fn assert_counts(page: &Page, method: &str, begun: f64, running: f64, ends: &[(&str, f64)]) {
    let of = |family: &str| page.value(&format!("{family}{{method=\"Ends.{method}\"}}")).expect("a series");
    assert_eq!(of("rpc_calls_begun_total"), begun, "{method}");
    assert_eq!(of("rpc_calls_running"), running, "{method}");
    let prefix = format!("rpc_calls_ended_total{{method=\"Ends.{method}\",status=\"");
    let seen: Vec<_> = page.beginning(&prefix).into_iter().filter(|(_, count)| *count > 0.0).collect();
    let wanted: Vec<_> = ends.iter().map(|(end, count)| (format!("{prefix}{end}\"}}"), *count)).collect();
    assert_eq!(seen, wanted.iter().map(|(end, count)| (end.as_str(), *count)).collect::<Vec<_>>());
    let ended: f64 = seen.iter().map(|(_, count)| count).sum();
    assert_eq!(of("rpc_call_duration_seconds_count"), ended, "{method}");
    let last = format!("rpc_call_duration_seconds_bucket{{method=\"Ends.{method}\",le=\"+Inf\"}}");
    assert_eq!(page.value(&last), Some(ended), "{method}");
}

#[test]
fn each_end_of_a_call_is_counted_by_method_and_status() {
    let metrics = Metrics::new();
    let (responders, _held) = channel();
    let server = counted(&metrics, Tester(responders));
    for method in ["done", "failed", "panicked", "denied", "busy", "later"] {
        assert_counts(&page(&metrics), method, 0.0, 0.0, &[]);
    }
    let ends = EndsClient::connect(server.local_addr()).expect("it listens");
    assert_eq!((ends.done().ok(), ends.done().ok()), (Some(1), Some(1)));
    assert!(matches!(ends.failed(), Err(CallError::Service(_))));
    assert!(matches!(ends.panicked(), Err(CallError::Panicked(_))));
    assert!(matches!(ends.denied(), Err(CallError::NotExecuted(_))));
    let seen = page(&metrics);
    assert_counts(&seen, "done", 2.0, 0.0, &[("done", 2.0)]);
    assert_counts(&seen, "failed", 1.0, 0.0, &[("failed", 1.0)]);
    assert_counts(&seen, "panicked", 1.0, 0.0, &[("panicked", 1.0)]);
    assert_counts(&seen, "denied", 1.0, 0.0, &[("denied", 1.0)]);
    ends.call.close();
}

#[test]
fn a_call_runs_until_its_later_reply_and_without_one_it_was_given_up() {
    let metrics = Metrics::new();
    let (responders, held) = channel();
    let server = counted(&metrics, Tester(responders));
    let ends = EndsClient::connect(server.local_addr()).expect("it listens");
    let (first, second) = (ends.start.later(), ends.start.later());
    let (one, other) = (held.recv().expect("it runs"), held.recv().expect("it runs"));
    assert_counts(&page(&metrics), "later", 2.0, 2.0, &[]);
    one.reply(7);
    drop(other);
    assert_eq!([first.wait().ok(), second.wait().ok()].into_iter().flatten().collect::<Vec<_>>(), [7]);
    assert_counts(&page(&metrics), "later", 2.0, 0.0, &[("done", 1.0), ("given_up", 1.0)]);
    ends.call.close();
}

#[test]
fn a_call_that_an_inner_hook_finds_too_many_is_counted_as_busy_and_again_when_it_runs() {
    let metrics = Metrics::new();
    let (responders, _held) = channel();
    let server = counted(&metrics, Tester(responders));
    let ends = EndsClient::connect(server.local_addr()).expect("it listens");
    assert_eq!(ends.busy().ok(), Some(2), "its client tries it again");
    assert_counts(&page(&metrics), "busy", 2.0, 0.0, &[("busy", 1.0), ("done", 1.0)]);
    ends.call.close();
}
