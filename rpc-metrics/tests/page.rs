//! The page as a whole: it parses, its histograms add up, and it has each counter of a server.

use std::sync::mpsc::channel;

use rpc_core::ServerCounters;
use rpc_metrics::Metrics;

use crate::service::{EndsClient, Tester, counted};
use crate::text_format::Page;

#[test]
fn the_page_has_each_counter_of_the_server_with_its_value() {
    let metrics = Metrics::new();
    let (responders, _held) = channel();
    let server = counted(&metrics, Tester(responders));
    let before = Page::of(&metrics.page().expect("it can be written"));
    assert_eq!(before.beginning("rpc_server_"), [], "no server was added");
    metrics.add_server(server.handle());
    let ends = EndsClient::connect(server.local_addr()).expect("it listens");
    assert_eq!(ends.done().ok(), Some(1));
    let page = Page::of(&metrics.page().expect("it can be written"));
    let shown = format!("{:?}", ServerCounters::default());
    let fields: Vec<&str> = shown.split([' ', ',']).filter_map(|word| word.strip_suffix(':')).collect();
    assert!(fields.len() > 40, "{shown}");
    for field in &fields {
        let name = format!("rpc_server_{field}");
        let value = page.value(&name).or(page.value(&format!("{name}_total")));
        assert!(value.is_some(), "the page has no {name}");
    }
    assert_eq!(page.value("rpc_server_executions_total"), Some(1.0));
    assert_eq!(page.value("rpc_server_sessions"), Some(1.0));
    assert_eq!(page.beginning("rpc_server_").len(), fields.len() + 1, "and the age of the oldest call");
    ends.call.close();
}

#[test]
fn the_buckets_of_a_histogram_add_up_and_have_the_promised_bounds() {
    let metrics = Metrics::new();
    let (responders, _held) = channel();
    let server = counted(&metrics, Tester(responders));
    let ends = EndsClient::connect(server.local_addr()).expect("it listens");
    (0..10).for_each(|_| assert_eq!(ends.done().ok(), Some(1)));
    let text = metrics.page().expect("it can be written");
    Page::of(&text);
    let of_done =
        |line: &&str| line.starts_with("rpc_call_duration_seconds_bucket{") && line.contains("Ends.done");
    let buckets: Vec<(&str, f64)> = text
        .lines()
        .filter(of_done)
        .filter_map(|line| {
            let (series, count) = line.rsplit_once(' ')?;
            Some((series.split("le=\"").nth(1)?.split('"').next()?, count.parse().ok()?))
        })
        .collect();
    let bounds: Vec<f64> = buckets.iter().map(|(bound, _)| bound.parse().expect("a number")).collect();
    assert_eq!((bounds.len(), bounds[0], bounds[16], bounds[17]), (18, 0.000_05, 10.0, f64::INFINITY));
    assert!(bounds.is_sorted() && buckets.is_sorted_by_key(|(_, count)| *count), "{buckets:?}");
    assert_eq!(buckets[17].1, 10.0);
    ends.call.close();
}

#[test]
fn two_services_of_one_contract_are_counted_together() {
    let metrics = Metrics::new();
    let (responders, _held) = channel();
    let servers = [counted(&metrics, Tester(responders.clone())), counted(&metrics, Tester(responders))];
    for server in &servers {
        let ends = EndsClient::connect(server.local_addr()).expect("it listens");
        assert_eq!(ends.done().ok(), Some(1));
        ends.call.close();
    }
    let page = Page::of(&metrics.page().expect("it can be written"));
    assert_eq!(page.value("rpc_calls_begun_total{method=\"Ends.done\"}"), Some(2.0));
}
