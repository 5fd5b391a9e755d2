//! The server with strangers and enemies: each is closed or refused, and the server lives.

use std::time::Duration;

use rpc_core::Connector;
use rpc_core::limits::ServerLimits;
use rpc_core::wire::frame::{Header, Kind};
use rpc_core::wire::message::{Hello, Status};

use crate::raw_client::{PATIENCE, RawClient};
use crate::test_service::{CONTRACT, ECHO, LARGE, TestServer, test_limits};

fn lives(server: &TestServer) {
    assert_eq!(server.client().call(&ECHO, 0, 1, &("alive",)).value::<String>(), "alive");
}

#[test]
fn a_peer_of_another_protocol_gets_a_text_and_is_closed() {
    let server = TestServer::start();
    let tls_hello: &[u8] = &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, 0x5a, 0x5a];
    let strangers: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
        tls_hello,
        &[0xff; 4],
        &[0; 64],
        &[3, 0, 0, 0, 1, 2, 3],
    ];
    for bytes in strangers {
        let mut client = RawClient::silent(server.address);
        client.send_raw(bytes);
        let reason = client.expect_closed().expect("a reason");
        assert!(reason.contains("rpc-core protocol"), "{reason}");
    }
    assert_eq!(server.handle.counters().protocol_errors, 5);
    lives(&server);
}

#[test]
fn v19_a_connection_beyond_the_share_of_its_source_is_told_to_wait_until_another_one_has_ended() {
    for loops in [1, 2] {
        let limits = ServerLimits { connections_per_source: Some(2), ..test_limits() };
        let server = TestServer::with(|builder| builder.limits(limits).loops(loops));
        let held = [server.client(), server.client()];
        let mut third = RawClient::silent(server.address);
        let busy = third.frame().expect("a frame before the end").header;
        assert_eq!((busy.kind, busy.millis), (Kind::Busy, 50));
        assert!(third.frame().is_none(), "it is closed");
        let impatient = Connector::new().connect_timeout(Duration::ZERO);
        let error = impatient.connect_by_name(server.address, &["Test"]).expect_err("there is no place");
        assert!(error.to_string().contains("takes no new clients"), "{error}");
        assert_eq!(server.handle.counters().turned_away, 2);
        drop(held);
        let patient = Connector::new().connect_timeout(PATIENCE);
        patient.connect_by_name(server.address, &["Test"]).expect("a place is free again");
    }
}

#[test]
fn a_header_that_announces_four_gigabytes_ends_the_connection_of_a_session_that_stands() {
    let server = TestServer::start();
    let mut client = server.client();
    client.send_raw(&Header::new(Kind::Methods).encode(u32::MAX as usize - 64, 0));
    assert!(client.expect_closed().is_some());
    lives(&server);
}

#[test]
fn garbage_of_any_shape_is_closed() {
    let server = TestServer::start();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..50 {
        let mut bytes = Vec::new();
        for _ in 0..200 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            bytes.extend(random.to_le_bytes());
        }
        let mut client = RawClient::silent(server.address);
        client.send_raw(&bytes);
        client.close_sending_side();
        client.expect_closed();
    }
    lives(&server);
}

#[test]
fn a_call_before_hello_is_closed() {
    let server = TestServer::start();
    let mut client = RawClient::silent(server.address);
    client.queue_call(&ECHO, 0, 1, &("early",));
    client.flush();
    assert!(client.expect_closed().is_some());
    assert_eq!(server.handle.counters().executions, 0);
    lives(&server);
}

#[test]
fn a_second_hello_is_welcomed_if_it_is_the_same_and_closed_if_not() {
    let server = TestServer::start();
    let (mut client, welcome) = RawClient::connect(server.address, &CONTRACT, 64);
    client.queue(&Header::new(Kind::Hello), &Hello::new(64, 0, &[&CONTRACT]).encode());
    client.flush();
    let again = client.frame().expect("a frame");
    assert_eq!(again.header.kind, Kind::Welcome);
    assert_eq!(again.body, welcome.encode());
    client.queue(&Header::new(Kind::Hello), &Hello::new(65, 0, &[&CONTRACT]).encode());
    client.flush();
    assert!(client.expect_closed().is_some());
    lives(&server);
}

#[test]
fn a_peer_that_closes_its_sending_side_is_closed() {
    let server = TestServer::start();
    for send in [&b""[..], &[40, 0, 0], &[0xff, 0xff]] {
        let mut stranger = RawClient::silent(server.address);
        stranger.send_raw(send);
        stranger.close_sending_side();
        stranger.expect_closed();
        let mut client = server.client();
        client.send_raw(send); // in mid-frame
        client.close_sending_side();
        client.expect_closed();
    }
    lives(&server);
    let deadline = std::time::Instant::now() + PATIENCE;
    while server.handle.counters().connections > 0 {
        assert!(std::time::Instant::now() < deadline, "connections stay");
        std::thread::yield_now();
    }
}

#[test]
fn a_frame_that_comes_byte_by_byte_is_a_frame() {
    let server = TestServer::start();
    let mut client = RawClient::silent(server.address);
    let mut bytes = Vec::new();
    let hello = Hello::new(4, 0, &[&CONTRACT]).encode();
    rpc_core::wire::frame::append(&mut bytes, &Header::new(Kind::Hello), &hello, true);
    for byte in bytes {
        client.send_raw(&[byte]);
    }
    assert_eq!(client.frame().expect("a frame").header.kind, Kind::Welcome);
}

/// 64 slots of 1 MiB each are asked for and never read: they fill the kernel's buffers many times over.
#[test]
fn a_peer_that_does_not_listen_stalls_no_other_and_is_cut() {
    let limits = ServerLimits { unsent_stall: Duration::from_millis(300), ..test_limits() };
    let server = TestServer::with_limits(limits);
    let mut deaf = server.client();
    for slot in 0..64 {
        deaf.queue_call(&LARGE, slot, 1, &(1u64 << 20,));
    }
    deaf.flush();
    let mut client = server.client();
    for seq in 1..=1000 {
        assert_eq!(client.call(&ECHO, 0, seq, &("quick",)).value::<String>(), "quick");
    }
    let deadline = std::time::Instant::now() + PATIENCE;
    while server.handle.counters().stalled == 0 {
        assert!(std::time::Instant::now() < deadline, "it was not cut");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(client.call(&ECHO, 0, 1001, &("quick",)).value::<String>(), "quick");
}

#[test]
fn a_peer_that_listens_late_gets_everything() {
    let server = TestServer::start();
    let mut client = server.client();
    for slot in 0..32 {
        client.queue_call(&LARGE, slot, 1, &(1u64 << 20,));
    }
    client.flush();
    while server.handle.counters().executions < 1 {
        std::thread::yield_now();
    }
    for _ in 0..32 {
        assert_eq!(client.reply().body.len(), (1 << 20) + 8);
    }
    assert_eq!(client.call(&ECHO, 0, 2, &("after",)).status, Status::Done);
}

#[test]
fn beyond_the_limit_of_connections_the_next_one_waits_for_a_place() {
    let limits = ServerLimits { connections: 2, connections_per_source: Some(2), ..test_limits() };
    let server = TestServer::with_limits(limits);
    let (first, _second) = (server.client(), server.client());
    let mut third = RawClient::silent(server.address); // the kernel accepts it, the server does not
    third.queue(&Header::new(Kind::Hello), &Hello::new(4, 0, &[&CONTRACT]).encode());
    third.flush();
    third.stream.set_read_timeout(Some(Duration::from_millis(150))).expect("an option");
    assert!(std::io::Read::read(&mut third.stream, &mut [0; 1]).is_err(), "it was served");
    third.stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    drop(first);
    assert_eq!(third.frame().expect("a frame").header.kind, Kind::Welcome);
}
