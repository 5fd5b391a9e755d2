//! The begin and the end of a server: addresses, drains, and what is left behind.

use std::time::{Duration, Instant};

use rpc_core::error::Reason;
use rpc_core::limits::ServerLimits;
use rpc_core::wire::frame::Kind;
use rpc_core::wire::message::Status;
use rpc_core::{ServeError, Server};

#[cfg(target_os = "linux")]
use crate::children::run_child;
use crate::raw_client::{PATIENCE, RawClient};
use crate::test_service::{CONTRACT, ECHO, TestServer, WAIT, WAIT_SLOW, own_host, test_limits};

#[test]
fn a_drain_finishes_what_runs_and_refuses_what_is_new() {
    for method in [&WAIT, &WAIT_SLOW] {
        let limits = ServerLimits { grace: Duration::from_secs(30), ..test_limits() };
        let server = TestServer::with_limits(limits);
        let mut client = server.client();
        client.queue_call(method, 0, 1, &());
        client.flush();
        server.world.gate.wait_for_arrivals(1);
        server.handle.drain();
        assert_eq!(client.frame().expect("a word").header.kind, Kind::GoAway);
        let refused = client.call(&ECHO, 1, 1, &("new",));
        assert_eq!(refused.status, Status::Refused(Reason::Draining));
        server.world.gate.open();
        let reply = client.reply();
        assert_eq!((reply.slot, reply.status), (0, Status::Done));
        server.finish().expect("drained");
        assert!(client.frame().is_none());
    }
}

#[test]
fn a_drained_server_does_not_listen_any_more() {
    let server = TestServer::at(own_host(4), |builder| builder.loops(2));
    let address = server.address;
    let handle = server.handle.clone();
    server.finish().expect("drained");
    assert!(std::net::TcpStream::connect(address).is_err());
    assert_eq!(handle.counters().connections, 0); // it can still be asked
}

#[test]
fn a_drain_before_the_run_ends_the_run_at_once() {
    let server = Server::builder().service(Nothing).bind("127.0.0.1:0").expect("a free port");
    server.handle().drain();
    server.run().expect("drained");
}

#[test]
fn a_spawned_server_serves_until_it_is_stopped_or_dropped() {
    for stop in [true, false] {
        let server =
            Server::builder().service(Nothing).bind("127.0.0.1:0").and_then(Server::spawn).expect("a port");
        let address = server.local_addr();
        let (client, _) = RawClient::connect(address, &CONTRACT, 1);
        assert_eq!(server.counters().sessions, 1);
        drop(client);
        if stop {
            server.stop().expect("drained");
        } else {
            drop(server);
        }
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}

#[test]
fn a_wait_for_a_spawned_server_lasts_until_it_is_drained() {
    let server =
        Server::builder().service(Nothing).bind("127.0.0.1:0").and_then(Server::spawn).expect("a port");
    let handle = server.handle();
    let drains = std::thread::spawn(move || handle.drain());
    server.wait().expect("drained");
    drains.join().expect("no panic");
}

/// Without the second word this server would wait for an hour for its client to come back and fetch its reply.
#[test]
fn a_drain_under_way_can_be_shortened() {
    let limits = ServerLimits { grace: Duration::from_secs(3600), ..test_limits() };
    let server = TestServer::with_limits(limits);
    let mut client = server.client();
    client.queue_call(&WAIT_SLOW, 0, 1, &());
    client.flush();
    server.world.gate.wait_for_arrivals(1);
    drop(client);
    server.world.gate.open();
    server.handle.drain();
    server.handle.drain_within(Duration::ZERO);
    server.wait().expect("drained");
}

#[test]
fn a_server_that_never_ran_lets_its_address_go() {
    let server = Server::builder().service(Nothing).bind((own_host(5), 0)).expect("a free port");
    let (address, handle) = (server.local_addr(), server.handle());
    drop(server);
    assert!(std::net::TcpStream::connect(address).is_err());
    drop(handle);
}

#[test]
fn a_handler_that_does_not_return_is_left_behind_after_the_grace_time() {
    for method in [&WAIT, &WAIT_SLOW] {
        let limits = ServerLimits { grace: Duration::from_millis(200), ..test_limits() };
        let server = TestServer::with_limits(limits);
        let mut client = server.client();
        client.queue_call(method, 0, 1, &());
        client.flush();
        server.world.gate.wait_for_arrivals(1);
        let (world, began) = (server.world.clone(), Instant::now());
        server.finish().expect("drained by force");
        assert!(began.elapsed() >= Duration::from_millis(200)); // at least: a busy machine cannot make it less
        world.gate.open();
    }
}

/// The last thread of the loop is in a handler that is not flagged: no other thread may take the loop from it.
#[test]
fn a_loop_whose_last_thread_is_stuck_is_left_behind_as_well() {
    let limits = ServerLimits { grace: Duration::from_millis(100), threads: 2, ..test_limits() };
    let server = TestServer::with_limits(limits);
    let mut client = server.client();
    client.queue_call(&WAIT_SLOW, 0, 1, &());
    client.queue_call(&WAIT, 1, 1, &());
    client.flush();
    server.world.gate.wait_for_arrivals(2);
    assert_eq!(server.handle.counters().running, 2); // the loop lies open while its owner is stuck
    let world = server.world.clone();
    server.finish().expect("drained by force");
    world.gate.open();
}

#[test]
fn the_threads_of_a_stopped_server_end() {
    let server = TestServer::with(|builder| builder.loops(3));
    let (mut client, _) = RawClient::connect(server.address, &CONTRACT, 64);
    for slot in 0..20 {
        client.queue_call(&WAIT_SLOW, slot, 1, &());
    }
    client.flush();
    server.world.gate.wait_for_arrivals(20);
    server.world.gate.open();
    for _ in 0..20 {
        client.reply();
    }
    let world = std::sync::Arc::downgrade(&server.world);
    let handle = server.handle.clone();
    server.finish().expect("drained");
    drop(handle); // the last owner of the service: were a thread left, it would own it as well
    let deadline = Instant::now() + PATIENCE;
    while world.strong_count() > 0 {
        assert!(Instant::now() < deadline, "a thread is left");
        std::thread::yield_now(); // the last steps of a thread, after it has said that it ends
    }
}

#[test]
fn an_address_that_cannot_be_had_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let error = Server::builder().service(Nothing).bind(address.as_str()).expect_err("taken");
    assert!(matches!(error, ServeError::Bind { .. }));
    assert!(error.to_string().contains(&address), "{error}");
}

#[test]
fn a_builder_says_what_is_missing_or_clashes() {
    let none = Server::builder().bind("127.0.0.1:0").expect_err("no service");
    assert!(matches!(none, ServeError::NoService));
    let twice = Server::builder().service(Nothing).service(Nothing).bind("127.0.0.1:0").expect_err("a clash");
    assert!(matches!(twice, ServeError::Contract(_)));
    let many = Server::builder().service(Nothing).loops(257).bind("127.0.0.1:0").expect_err("too many");
    assert!(matches!(many, ServeError::TooManyLoops(257)));
}

#[test]
fn host_names_and_ipv6_work() {
    for address in ["localhost:0", "[::1]:0"] {
        let server = match Server::builder().service(Nothing).bind(address) {
            Ok(server) => server,
            Err(ServeError::Bind { source, .. }) if address.starts_with('[') => {
                eprintln!("no IPv6 here: {source}");
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let (address, handle) = (server.local_addr(), server.handle());
        let thread = std::thread::spawn(move || server.run());
        let (_client, welcome) = RawClient::connect(address, &CONTRACT, 4);
        assert_eq!(welcome.slots, 4);
        handle.drain();
        thread.join().expect("no panic").expect("drained");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_outlives_a_lack_of_descriptors() {
    run_child("ulimit -n 64 &&", "server_life::child_without_descriptors");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by a_server_outlives_a_lack_of_descriptors"]
fn child_without_descriptors() {
    let server =
        Server::builder().service(Nothing).limits(test_limits()).bind("127.0.0.1:0").expect("a free port");
    let (address, handle) = (server.local_addr(), server.handle());
    let mut waiting: Vec<_> = (0..10).map(|_| RawClient::silent(address)).collect(); // in the kernel's queue
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    let thread = std::thread::spawn(move || server.run());
    std::thread::sleep(Duration::from_millis(250)); // nothing can be seen of a server that accepts no connection
    assert_eq!(handle.counters().connections, 0);
    drop(hoard);
    for client in &mut waiting {
        client.greet(&CONTRACT, 4);
    }
    handle.drain();
    drop(waiting);
    thread.join().expect("no panic").expect("drained");
}

struct Nothing;

impl rpc_core::Service for Nothing {
    fn contract(&self) -> &'static rpc_core::contract::Contract {
        static NOTHING: rpc_core::contract::Contract = rpc_core::contract::Contract::new("Nothing", &[]);
        &NOTHING
    }

    fn dispatch(
        &self,
        call: rpc_core::service::Dispatch<'_>,
    ) -> Result<rpc_core::service::Dispatched, rpc_core::service::Refused> {
        call.no_such_method()
    }
}
