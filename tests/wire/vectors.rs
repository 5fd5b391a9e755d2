//! The test vectors, both ways: what the code writes is what the page shows, and what the page shows the code reads.

use bytes::Bytes;
use rpc_core::Client;
use rpc_core::error::Reason;
use rpc_core::ids::{Incarnation, SessionId, Token};
use rpc_core::wire::codec;
use rpc_core::wire::frame::{Frame, FrameDecoder, Header, Kind, append};
use rpc_core::wire::message::{self, Agreement, Hello, Status, Table, Welcome};
use serde::Serialize;

use crate::page::{self, shown};
use crate::{KvClient, KvError};

const SESSION: SessionId = SessionId(0x00aa_aaaa_aaaa_aaaa_aaaa_aaaa_aaaa_aaaa);
const INCARNATION: Incarnation = Incarnation(0x1111_1111_1111_1111_1111_1111_1111_1111);

fn token() -> Token {
    Token(std::array::from_fn(|at| 0x40 + at as u8))
}

fn hello(resume: bool) -> Hello {
    let resume = resume.then(|| (SESSION, token().0));
    Hello { resume, ..Hello::new(64, 0, &[KvClient::CONTRACT]) }
}

fn welcome() -> Welcome {
    Welcome {
        version: 1,
        features: 0,
        incarnation: INCARNATION,
        session: SESSION,
        token: token(),
        slots: 64,
        max_frame: 4 << 20,
        lease_ms: 60_000,
        resumed: false,
        agreements: vec![Agreement::Same],
    }
}

fn encoded(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(value, &mut bytes, usize::MAX).expect("it can be encoded");
    bytes
}

fn reply(status: Status) -> Header {
    Header { code: status.code(), ..Header::for_call(Kind::Reply, 0, 1) }
}

/// The expected vectors of the page: a name, a header and a body each.
fn expected() -> Vec<(&'static str, Header, Vec<u8>)> {
    let plain = |kind| Header::new(kind);
    let get = KvClient::CONTRACT.methods[0].id;
    let call = Header { method: get, millis: 5000, ..Header::for_call(Kind::Call, 0, 1) };
    let busy = Header { millis: 50, ..reply(Status::Refused(Reason::Busy)) };
    vec![
        ("HELLO", plain(Kind::Hello), hello(false).encode()),
        ("HELLO resume", plain(Kind::Hello), hello(true).encode()),
        ("WELCOME", plain(Kind::Welcome), welcome().encode()),
        ("CALL", call, encoded(&("a",))),
        ("REPLY done", reply(Status::Done), encoded(&"1")),
        ("REPLY failed", reply(Status::Failed), encoded(&KvError::NotFound)),
        ("REPLY refused", busy, Vec::new()),
        ("REPLY lost", reply(Status::ReplyLost), b"its reply was sent once and not kept".to_vec()),
        ("CANCEL", Header::for_call(Kind::Cancel, 3, 7), Vec::new()),
        ("ACK", Header::for_call(Kind::Ack, 3, 7), Vec::new()),
        ("PING", plain(Kind::Ping), Vec::new()),
        ("PONG", plain(Kind::Pong), Vec::new()),
        ("GOAWAY", plain(Kind::GoAway), Vec::new()),
        ("SESSION_LOST", plain(Kind::SessionLost), INCARNATION.0.to_le_bytes().to_vec()),
        ("BUSY", Header { millis: 50, ..plain(Kind::Busy) }, Vec::new()),
        ("BYE", plain(Kind::Bye), Vec::new()),
        ("METHODS", plain(Kind::Methods), message::encode_name("Kv")),
        ("TABLE", plain(Kind::Table), Table::of(KvClient::CONTRACT).encode()),
        ("REJECT", plain(Kind::Reject), b"a header's checksum is wrong".to_vec()),
    ]
}

fn read(bytes: &[u8]) -> Frame {
    let mut decoder = FrameDecoder::default();
    decoder.push(Bytes::copy_from_slice(bytes));
    let frame = decoder.next_frame().expect("the page shows sound frames").expect("whole ones");
    assert!(!decoder.is_mid_frame() && !decoder.has_unread(), "bytes left over");
    frame
}

fn of_page(name: &str) -> Frame {
    let vectors = page::vectors(&page::text());
    let (_, bytes) = vectors.iter().find(|(known, _)| known == name).expect("the page has it");
    read(bytes)
}

#[test]
fn the_page_shows_what_the_code_writes() {
    let shown_there = page::vectors(&page::text());
    let names: Vec<_> = shown_there.iter().map(|(name, _)| name.as_str()).collect();
    let expected = expected();
    assert_eq!(names, expected.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    for ((name, there), (_, header, body)) in shown_there.iter().zip(&expected) {
        let mut bytes = Vec::new();
        append(&mut bytes, header, body, true);
        assert_eq!(shown(there), shown(&bytes), "{name}");
    }
}

#[test]
fn the_code_reads_what_the_page_shows() {
    for ((name, bytes), (_, header, body)) in page::vectors(&page::text()).iter().zip(expected()) {
        let frame = read(bytes);
        assert_eq!((frame.header, &frame.body[..]), (header, &body[..]), "{name}");
    }
}

#[test]
fn the_greetings_of_the_page_are_understood() {
    assert_eq!(Hello::decode(&of_page("HELLO").body), Ok(hello(false)));
    assert_eq!(Hello::decode(&of_page("HELLO resume").body), Ok(hello(true)));
    let read = Welcome::decode(&of_page("WELCOME").body).expect("a WELCOME");
    assert_eq!(read.encode(), welcome().encode());
    assert_eq!(read.session, SESSION);
    assert_eq!(message::decode_incarnation(&of_page("SESSION_LOST").body), Ok(INCARNATION));
    assert_eq!(message::decode_name(&of_page("METHODS").body), Ok("Kv"));
    assert_eq!(Table::decode(&of_page("TABLE").body), Ok(Table::of(KvClient::CONTRACT)));
}

#[test]
fn the_values_of_the_page_are_understood() {
    assert_eq!(codec::decode(&of_page("CALL").body), Ok(("a",)));
    assert_eq!(codec::decode(&of_page("REPLY done").body), Ok("1"));
    assert_eq!(codec::decode(&of_page("REPLY failed").body), Ok(KvError::NotFound));
    assert_eq!(Status::from_code(of_page("REPLY refused").header.code), Ok(Status::Refused(Reason::Busy)));
}
