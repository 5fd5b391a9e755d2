//! A subscriber of events that panics at every event stops nothing: no loop, no handler's thread, no client, no end of a server.
#![cfg(target_os = "linux")]

use std::time::Duration;

use rpc_core::limits::ServerLimits;
use rpc_core::wire::message::Status;
use rpc_core::{Connector, Server};

use crate::children::run_child;
use crate::raw_client::RawClient;
use crate::test_service::{CONTRACT, ECHO, PANIC, TestServer, WAIT, test_limits};

/// Fails as a subscriber does whose disk is full, or whose pipe has no reader: at each event, of each level.
struct FailingLog;

impl tracing::Subscriber for FailingLog {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        std::panic::panic_any(Stubborn(event.metadata().name()));
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// The payload of a panic that panics itself when it is dropped.
struct Stubborn(&'static str);

impl Drop for Stubborn {
    fn drop(&mut self) {
        panic!("the log cannot be written: {}", self.0);
    }
}

#[test]
fn a_log_that_cannot_be_written_stops_no_server() {
    let said = run_child("", "failing_log::child_serves");
    assert!(said.matches("the log cannot be written").count() > 5, "the events were reported:\n{said}");
}

#[test]
#[ignore = "run by a_log_that_cannot_be_written_stops_no_server"]
fn child_serves() {
    tracing::subscriber::set_global_default(FailingLog).expect("the first one");
    let limits =
        ServerLimits { connections: 3, connections_per_source: Some(3), threads: 8, ..test_limits() };
    let server = TestServer::with(|builder| builder.limits(limits).loops(2)); // events: serving
    let (mut client, _) = RawClient::connect(server.address, &CONTRACT, 64);
    for seq in 1..=20 {
        let refused = client.call(&PANIC, 0, seq, &("on purpose",)); // an event of the handler's thread
        assert_eq!(refused.status, Status::Panicked);
    }
    client.queue_call(&WAIT, 1, 1, &()); // a slow method: an event of the watcher
    client.flush();
    server.world.gate.wait_for_arrivals(1);
    server.world.gate.open();
    assert_eq!(client.reply().status, Status::Done);
    let crowd: Vec<_> = (0..10).map(|_| RawClient::silent(server.address)).collect(); // events of the listener: it pauses
    while server.handle.counters().connections < 3 {
        std::thread::yield_now();
    }
    drop(crowd);
    assert_eq!(client.call(&ECHO, 2, 1, &("still there",)).status, Status::Done);
    drop(client);
    server.finish().expect("drained"); // events: draining, drained
}

#[test]
fn a_log_that_cannot_be_written_stops_no_client() {
    let said = run_child("", "failing_log::child_calls");
    assert!(said.contains("the log cannot be written"), "{said}");
}

/// The events of a client: its sessions open, are lost with their server, and the server breaks the protocol.
#[test]
#[ignore = "run by a_log_that_cannot_be_written_stops_no_client"]
fn child_calls() {
    tracing::subscriber::set_global_default(FailingLog).expect("the first one");
    let serve = |at: std::net::SocketAddr| {
        Server::builder().service(GreeterServer::new(Plain)).bind(at).and_then(Server::spawn).expect("a port")
    };
    let server = serve(([127, 0, 0, 1], 0).into());
    let address = server.local_addr();
    let connector = Connector::new().deadline(Duration::from_secs(30));
    let client: GreeterClient = connector.connect(address).expect("it listens");
    assert_eq!(client.greet("a").expect("it runs"), "hello a");
    server.drain_within(Duration::ZERO);
    drop(server);
    let server = serve(address);
    assert_eq!(client.greet("b").expect("a session is lost, another is opened"), "hello b");
    let started = client.start.greet("c");
    assert_eq!(started.wait().expect("it runs"), "hello c");
    client.call.close();
    server.stop().expect("drained");
}

#[rpc_core::rpc]
trait Greeter {
    #[rpc(idempotent)]
    fn greet(&self, name: &str) -> String;
}

struct Plain;

impl Greeter for Plain {
    fn greet(&self, name: &str) -> String {
        format!("hello {name}")
    }
}
