//! A drain on real sockets: the clients that it waits for, those that may come back, and those that it does not wait for.
//!
//! The bounds that must not end a drain are longer than any test lasts, so a drain that ends has ended for the right reason.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rpc_core::error::Reason;
use rpc_core::limits::ServerLimits;
use rpc_core::wire::frame::{Header, Kind};
use rpc_core::wire::message::{Hello, Status};
use rpc_core::{CallError, Connector, RunningServer, Server};

use crate::echo::{EchoClient, EchoServer, Wall};
use crate::raw_client::{PATIENCE, RawClient};
use crate::test_service::{CONTRACT, ECHO, TestServer, WAIT_SLOW};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

/// The deadline of calls that are answered long before it: so a test that fails does so in time.
const SOON: Duration = Duration::from_secs(20);

/// Bounds that end no drain.
fn patient() -> ServerLimits {
    ServerLimits { grace: LONG, drain_linger: LONG, drain_detached: LONG, ..ServerLimits::default() }
}

fn server_of_echo(limits: ServerLimits, loops: usize) -> RunningServer {
    let server = Server::builder().service(EchoServer::new(Wall)).limits(limits).loops(loops);
    server.bind("127.0.0.1:0").and_then(Server::spawn).expect("a port")
}

/// Waits until `holds` is true.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_client_that_is_cut_off_in_a_drain_resumes_and_fetches_its_reply_from_any_loop() {
    for loops in [1, 3] {
        let server = TestServer::with(|builder| builder.limits(patient()).loops(loops));
        let (mut client, session) = RawClient::connect(server.address, &CONTRACT, 64);
        client.queue_call(&WAIT_SLOW, 0, 1, &());
        client.flush();
        server.world.gate.wait_for_arrivals(1);
        server.handle.drain();
        assert_eq!(client.frame().expect("a frame").header.kind, Kind::GoAway);
        client.vanish();
        // Each of these connections arrives at another loop, and goes on to that of the session.
        for _ in 1..loops {
            let (again, welcome) = RawClient::resume(server.address, &CONTRACT, 64, &session);
            assert!(welcome.resumed);
            again.vanish();
        }
        server.world.gate.open();
        wait_until("the call ends", || server.handle.counters().running == 0);
        let (mut client, welcome) = RawClient::resume(server.address, &CONTRACT, 64, &session);
        assert!(welcome.resumed);
        let reply = client.call(&WAIT_SLOW, 0, 1, &());
        assert_eq!(reply.status, Status::Done);
        client.queue(&Header::for_call(Kind::Ack, 0, 1), &[]);
        client.flush();
        server.wait().expect("the ACK ends the drain, and nothing else can");
    }
}

#[test]
fn a_draining_server_tells_new_clients_and_closes_their_connections() {
    let server = TestServer::with_limits(patient());
    let mut old = server.client();
    old.queue_call(&WAIT_SLOW, 0, 1, &());
    old.flush();
    server.world.gate.wait_for_arrivals(1);
    server.handle.drain();
    assert_eq!(old.frame().expect("a frame").header.kind, Kind::GoAway);
    let mut new = RawClient::silent(server.address);
    new.queue(&Header::new(Kind::Hello), &Hello::new(1, 0, &[&CONTRACT]).encode());
    new.flush();
    assert_eq!(new.frame().expect("a frame").header.kind, Kind::Busy);
    assert!(new.frame().is_none(), "it is closed");
    server.world.gate.open();
    assert_eq!(old.reply().status, Status::Done);
    drop(old); // with BYE
    server.wait().expect("drained");
}

#[test]
fn a_drain_waits_for_a_client_that_has_gone_only_if_it_has_something_to_fetch_and_for_a_time_of_its_own() {
    for (acknowledges, drain_detached) in [(true, LONG), (false, Duration::from_millis(50))] {
        let server = TestServer::with_limits(ServerLimits { drain_detached, ..patient() });
        let mut client = server.client();
        client.call(&ECHO, 0, 1, &("kept",));
        if acknowledges {
            client.queue(&Header::for_call(Kind::Ack, 0, 1), &[]);
            client.flush();
            wait_until("its ACK arrives", || server.handle.counters().acks == 1);
        }
        client.vanish();
        wait_until("it is gone", || server.handle.counters().connections == 0);
        server.finish().expect("the grace time is longer than any test");
    }
}

#[test]
fn an_idle_client_acknowledges_its_last_reply_although_no_thread_of_it_calls() {
    for size in [10, 10_000] {
        let server = server_of_echo(ServerLimits::default(), 1);
        let echo: EchoClient =
            Connector::new().deadline(PATIENCE).connect(server.local_addr()).expect("it listens");
        for call in 1..=2 {
            echo.echo(&"x".repeat(size)).expect("a reply"); // a client that was idle, and one that is again
            wait_until("its ACK arrives", || server.counters().acks == call);
        }
        assert_eq!(server.counters().kept_bytes, 0);
    }
}

#[test]
fn an_idle_client_leaves_a_server_that_stops_and_the_next_one_serves_it() {
    for loops in [1, 2] {
        let server = server_of_echo(patient(), loops);
        let address = server.local_addr();
        let clients: Vec<EchoClient> = (0..3)
            .map(|_| Connector::new().deadline(PATIENCE).connect(address).expect("it listens"))
            .collect();
        for echo in &clients {
            echo.echo("x").expect("a reply");
        }
        server.drain();
        wait_until("each client says BYE, which is all that can end its session", || {
            server.counters().sessions == 0
        });
        server.stop().expect("drained");
        let next = Server::builder().service(EchoServer::new(Wall)).bind(address).and_then(Server::spawn);
        let next = next.expect("the same port");
        for echo in &clients {
            assert_eq!(echo.echo("again").expect("from the next server"), "again");
        }
        drop(clients);
        next.stop().expect("drained");
    }
}

/// Asserts that calls are refused as draining, each time.
fn assert_told_of_the_end(echo: &EchoClient) {
    for _ in 0..3 {
        match echo.echo("too late") {
            Err(CallError::NotExecuted(refusal)) => assert_eq!(refusal.reason, Reason::Draining),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn v16_callers_of_a_server_that_has_shut_down_are_told_at_once_and_not_at_their_deadlines() {
    let server = server_of_echo(patient(), 1);
    let connector = Connector::new().deadline(SOON);
    let echo: EchoClient = connector.connect(server.local_addr()).expect("it listens");
    echo.echo("x").expect("a reply");
    server.stop().expect("drained");
    assert_told_of_the_end(&echo);
}

/// Forwards each connection to this address, and closes it without a byte if nothing listens there. Returns its own address.
fn proxy(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let Ok(far) = TcpStream::connect(to) else { continue };
            for (from, to) in [(&near, &far), (&far, &near)] {
                let (mut from, mut to) =
                    (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to); // an error is an end too
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    address
}

#[test]
fn v16_behind_a_proxy_callers_of_a_server_that_has_shut_down_are_told_at_once_too_and_the_next_one_serves_them()
 {
    let server = server_of_echo(patient(), 1);
    let address = server.local_addr();
    let connector = Connector::new().deadline(SOON);
    let echo: EchoClient = connector.connect(proxy(address)).expect("it listens");
    echo.echo("x").expect("a reply");
    server.stop().expect("drained");
    assert_told_of_the_end(&echo);
    let next = Server::builder().service(EchoServer::new(Wall)).bind(address).and_then(Server::spawn);
    let next = next.expect("the same port");
    assert_eq!(echo.echo("again").expect("from the next server"), "again");
    drop(echo);
    next.stop().expect("drained");
}
