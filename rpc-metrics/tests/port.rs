//! The side port: what it replies to good clients and bad ones, and that none of them stops it.

use std::fmt;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::time::Duration;

use rpc_metrics::prometheus_client::collector::Collector;
use rpc_metrics::prometheus_client::encoding::DescriptorEncoder;
use rpc_metrics::prometheus_client::registry::Registry;
use rpc_metrics::{Metrics, MetricsPort, PortLimits};

use crate::service::{EndsServer, Tester};
use crate::text_format::Page;

const GET: &str = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";

/// Longer than any reply takes on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns metrics of a service, so that the page has lines.
fn metrics() -> Metrics {
    let metrics = Metrics::new();
    let _counted = metrics.around(EndsServer::new(Tester(channel().0)));
    metrics
}

fn port(metrics: &Metrics) -> MetricsPort {
    metrics.serve("127.0.0.1:0").expect("a free port")
}

fn connect(port: &MetricsPort) -> TcpStream {
    let stream = TcpStream::connect(port.local_addr()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

/// Returns all that the port replies.
fn reply(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an end without a reset");
    text
}

/// Sends bytes, and returns the reply.
fn ask(port: &MetricsPort, request: &[u8]) -> String {
    let mut stream = connect(port);
    stream.write_all(request).expect("it is read, or dropped");
    reply(stream)
}

/// Asserts that the port replies with the page.
fn assert_page(port: &MetricsPort) {
    let reply = ask(port, GET.as_bytes());
    let (head, page) = reply.split_once("\r\n\r\n").expect("headers and a body");
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("HTTP/1.1 200 OK"));
    assert!(head.contains("\r\nContent-Type: text/plain; version=0.0.4"), "{head}");
    assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", page.len())), "{head}");
    Page::of(page);
}

#[test]
fn only_a_get_of_metrics_has_the_page() {
    let port = port(&metrics());
    assert_page(&port);
    let other = ask(&port, b"GET /metric HTTP/1.1\r\n\r\n");
    assert!(other.starts_with("HTTP/1.1 404 Not Found\r\n") && other.ends_with("at /metrics\n"), "{other}");
    let root = ask(&port, b"GET / HTTP/1.1\r\n\r\n");
    assert!(root.starts_with("HTTP/1.1 200 OK\r\n") && root.ends_with(" at /metrics\n"), "{root}");
    let wrong = ask(&port, b"POST /metrics HTTP/1.1\r\n\r\n");
    assert!(wrong.starts_with("HTTP/1.1 405 ") && wrong.contains("\r\nAllow: GET\r\n"), "{wrong}");
    assert_page(&port);
}

#[test]
fn a_client_that_sends_nothing_or_half_a_request_has_an_end_by_time() {
    let mut limits = PortLimits::default();
    limits.request_time = Duration::from_millis(500);
    let port = metrics().serve_within("127.0.0.1:0", limits).expect("a free port");
    assert!(reply(connect(&port)).starts_with("HTTP/1.1 408 "), "nothing was sent");
    let half = ask(&port, b"GET /metrics HTTP/1.1\r\nHo");
    assert!(half.starts_with("HTTP/1.1 408 "), "{half}");
}

#[test]
fn a_client_that_ends_in_the_middle_sends_garbage_or_too_much_is_refused() {
    let port = port(&metrics());
    let mut ended = connect(&port);
    ended.write_all(b"GET /metr").expect("it is read");
    ended.shutdown(Shutdown::Write).expect("it is open");
    assert!(reply(ended).starts_with("HTTP/1.1 400 "), "it ended in the middle");
    assert!(ask(&port, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n").starts_with("HTTP/1.1 400 "), "garbage");
    let long = format!("GET /metrics HTTP/1.1\r\nCookie: {}\r\n\r\n", "x".repeat(20_000));
    assert!(ask(&port, long.as_bytes()).starts_with("HTTP/1.1 431 "), "too much");
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100));
    assert!(ask(&port, many.as_bytes()).starts_with("HTTP/1.1 400 "), "too many headers");
    drop(connect(&port));
    assert_page(&port);
}

/// A metric of a program that panics.
#[derive(Debug)]
struct Broken;

impl Collector for Broken {
    fn encode(&self, _: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        panic!("as the test wants it")
    }
}

#[test]
fn a_metric_of_the_program_that_panics_costs_the_page_and_not_the_port() {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Broken));
    let port = port(&Metrics::with_registry(registry));
    for _ in 0..2 {
        assert!(ask(&port, GET.as_bytes()).starts_with("HTTP/1.1 500 "));
    }
    assert!(ask(&port, b"GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

#[test]
fn the_port_is_free_again_after_it_was_dropped() {
    // A host of its own on Linux, so that no other test takes the port meanwhile.
    let host = if cfg!(target_os = "linux") { "127.0.0.9:0" } else { "127.0.0.1:0" };
    let port = metrics().serve(host).expect("a free port");
    assert_page(&port);
    let address = port.local_addr();
    drop(port);
    while TcpListener::bind(address).is_err() {} // its thread is about to end
}
