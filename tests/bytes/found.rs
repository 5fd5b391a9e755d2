//! The defects that the fuzz targets have found: a test for each, which fails without its fix.

use std::time::Duration;

use rpc_core::contract::Method;
use rpc_core::error::Reason;
use rpc_core::ids::{Incarnation, SessionId, Time, Token};
use rpc_core::limits::ClientLimits;
use rpc_core::proto::client::{ClientConfig, ClientCore, Event};
use rpc_core::proto::{Outcome, Request};
use rpc_core::wire::frame::{Header, Kind, append};
use rpc_core::wire::message::{Status, VERSION, Welcome};

static WORK: Method = Method::new("Work.do", "fn do()");
const NOW: Time = Time(1);

fn client_of(limits: ClientLimits) -> ClientCore {
    let config = ClientConfig { limits, contracts: Vec::new(), features: 0, seed: 1 };
    let mut client = ClientCore::new(config);
    assert!(client.poll_connect(NOW));
    client.handle_connected(NOW);
    client
}

fn send(client: &mut ClientCore, header: Header, body: &[u8]) {
    let mut bytes = Vec::new();
    append(&mut bytes, &header, body, true);
    client.handle_input(bytes.into(), NOW);
}

fn welcome(client: &mut ClientCore, slots: u16) {
    let welcome = Welcome {
        version: VERSION,
        features: 0,
        incarnation: Incarnation(1),
        session: SessionId(1),
        token: Token([1; 32]),
        slots,
        max_frame: 1000,
        lease_ms: 1000,
        resumed: false,
        agreements: Vec::new(),
    };
    send(client, Header::new(Kind::Welcome), &welcome.encode());
}

/// A client that wants this many slots and is granted `granted`: whether it takes the session.
fn takes_a_grant_of(wanted: u16, granted: u16) -> bool {
    let mut client = client_of(ClientLimits { slots: wanted, ..ClientLimits::default() });
    welcome(&mut client, granted);
    assert_eq!(client.is_ready(), client.counters().broken_server == 0, "taken, or the server is broken");
    client.is_ready()
}

#[test]
fn a_server_that_grants_more_slots_than_were_wanted_is_broken() {
    assert!(takes_a_grant_of(2, 2));
    assert!(takes_a_grant_of(2, 1));
    assert!(takes_a_grant_of(0, 1), "0 counts as 1");
    assert!(!takes_a_grant_of(2, 3));
    assert!(!takes_a_grant_of(0, 2));
    assert!(!takes_a_grant_of(2, 1024));
}

#[test]
fn calls_that_wait_to_be_tried_again_are_bounded_like_those_that_wait_for_a_slot() {
    let mut client = client_of(ClientLimits { slots: 1, waiting: 2, ..ClientLimits::default() });
    welcome(&mut client, 1);
    let mut refused = Vec::new();
    for tag in 0..4 {
        let within = Duration::from_secs(60);
        let request = Request {
            method: &WORK,
            body: Vec::new(),
            body_crc: 0,
            metadata: 0,
            within,
            repeat: false,
            retry: true,
            fail_fast: false,
        };
        client.start(tag, request, NOW).expect("a slot is free");
        client.poll_transmit(&mut Vec::new(), NOW);
        let busy = Status::Refused(Reason::Busy).code();
        let header = Header { code: busy, millis: 1000, ..Header::for_call(Kind::Reply, 0, tag + 1) };
        send(&mut client, header, &[]);
        while let Some(Event::Finished(tag, Outcome::NotExecuted(Reason::Busy, _))) = client.poll_event() {
            refused.push(tag);
        }
        client.audit().expect("what waits is bounded");
    }
    assert_eq!((client.in_flight(), refused), (2, vec![2, 3]));
}
