//! The test vectors, both ways: what the code writes is what the page shows, and what the page shows the code reads.

use bytes::Bytes;
use rpc_core::Client;
use rpc_core::error::Reason;
use rpc_core::ids::{Incarnation, Nonce, SessionId, Token};
use rpc_core::wire::codec;
use rpc_core::wire::frame::{Frame, FrameDecoder, Header, Kind, append};
use rpc_core::wire::message::{
    self, Agreement, FEATURE_NO_BODY_CHECKSUM, FEATURE_PROPERTIES, FEATURE_TYPES, Hello, REPLY_NOT_KEPT,
    SESSIONS_STAY, Status, Table, Welcome,
};
use rpc_core::wire::metadata::HAS_METADATA;
use rpc_core::wire::reject::RejectCode;
use serde::Serialize;

use crate::page::{self, shown};
use crate::{ClockClient, KvClient, KvError};

pub(crate) const SESSION: SessionId = SessionId(0x00aa_aaaa_aaaa_aaaa_aaaa_aaaa_aaaa_aaaa);
pub(crate) const INCARNATION: Incarnation = Incarnation(0x1111_1111_1111_1111_1111_1111_1111_1111);

/// The nonce of the page.
const NONCE: Nonce =
    Nonce([0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f]);

pub(crate) fn token() -> Token {
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

/// The body of a call of `get` with metadata.
fn labelled() -> Vec<u8> {
    [&encoded(&("a",))[..], b"\x06caller\x06\0backup", &[15, 0]].concat()
}

/// The expected vectors of the page: a name, a header and a body each.
fn expected() -> Vec<(&'static str, Header, Vec<u8>)> {
    let plain = |kind| Header::new(kind);
    let get = KvClient::CONTRACT.methods[0].id;
    let call = Header { method: get, millis: 5000, ..Header::for_call(Kind::Call, 0, 1) };
    let busy = Header { millis: 50, ..reply(Status::Refused(Reason::Busy)) };
    let rejected = Header { code: RejectCode::BadChecksum as u8, ..plain(Kind::Reject) };
    let with_nonce = Hello { nonce: Some(NONCE), ..hello(false) };
    let two = Hello::new(64, 0, &[KvClient::CONTRACT, ClockClient::CONTRACT]);
    let method = ClockClient::CONTRACT.methods[0].id;
    let now = Header { method, millis: u32::MAX, ..Header::for_call(Kind::Call, 0, 1) };
    vec![
        ("HELLO", plain(Kind::Hello), hello(false).encode()),
        ("HELLO resume", plain(Kind::Hello), hello(true).encode()),
        ("WELCOME", plain(Kind::Welcome), welcome().encode()),
        ("CALL", call, encoded(&("a",))),
        ("CALL metadata", Header { code: HAS_METADATA, ..call }, labelled()),
        ("REPLY done", reply(Status::Done), encoded(&"1")),
        ("REPLY failed", reply(Status::Failed), encoded(&KvError::NotFound)),
        ("REPLY refused", busy, Vec::new()),
        ("REPLY lost", Header { millis: 50, ..reply(Status::ReplyLost) }, REPLY_NOT_KEPT.as_bytes().to_vec()),
        ("REPLY given up", reply(Status::GivenUp), b"no caller waits any more".to_vec()),
        ("REPLY denied", reply(Status::Refused(Reason::Denied)), b"for readers only".to_vec()),
        ("CANCEL", Header::for_call(Kind::Cancel, 3, 7), Vec::new()),
        ("ACK", Header::for_call(Kind::Ack, 3, 7), Vec::new()),
        ("PING", plain(Kind::Ping), Vec::new()),
        ("PONG", plain(Kind::Pong), Vec::new()),
        ("GOAWAY", plain(Kind::GoAway), Vec::new()),
        ("GOAWAY sessions stay", Header { code: SESSIONS_STAY, ..plain(Kind::GoAway) }, Vec::new()),
        ("SESSION_LOST", plain(Kind::SessionLost), INCARNATION.0.to_le_bytes().to_vec()),
        ("BUSY", Header { millis: 50, ..plain(Kind::Busy) }, Vec::new()),
        ("BYE", plain(Kind::Bye), Vec::new()),
        ("METHODS", plain(Kind::Methods), message::encode_name("Kv")),
        ("TABLE", plain(Kind::Table), Table::of(KvClient::CONTRACT).encode(0)),
        ("REJECT", rejected, b"a header's checksum is wrong".to_vec()),
        ("HELLO nonce", plain(Kind::Hello), with_nonce.encode()),
        ("HELLO two services", plain(Kind::Hello), two.encode()),
        ("WELCOME resumed", plain(Kind::Welcome), Welcome { resumed: true, ..welcome() }.encode()),
        ("CALL no arguments", now, Vec::new()),
        (
            "HELLO unchecked",
            plain(Kind::Hello),
            Hello { features: FEATURE_NO_BODY_CHECKSUM, ..hello(false) }.encode(),
        ),
        (
            "WELCOME unchecked",
            plain(Kind::Welcome),
            Welcome { features: FEATURE_NO_BODY_CHECKSUM, ..welcome() }.encode(),
        ),
        ("CALL unchecked", call, encoded(&("a",))),
        ("CALL unchecked other", call, encoded(&("b",))),
        ("REPLY unchecked", reply(Status::Done), encoded(&"1")),
        ("REPLY too large", reply(Status::Refused(Reason::TooLarge)), Vec::new()),
        ("ACK reply", Header::for_call(Kind::Ack, 0, 1), Vec::new()),
        ("TABLE properties", plain(Kind::Table), Table::of(ClockClient::CONTRACT).encode(FEATURE_PROPERTIES)),
        ("METHODS services", plain(Kind::Methods), message::encode_name("")),
        (
            "TABLE services",
            plain(Kind::Table),
            Table::of_services(&[KvClient::CONTRACT, ClockClient::CONTRACT]).encode(0),
        ),
        ("HELLO types", plain(Kind::Hello), Hello::new(64, FEATURE_TYPES, &[ClockClient::CONTRACT]).encode()),
        ("TABLE types", plain(Kind::Table), Table::of(ClockClient::CONTRACT).encode(FEATURE_TYPES)),
    ]
}

/// Returns true if the body of this vector has a checksum: all but those of a session without, once it stands.
fn is_checked(name: &str) -> bool {
    !name.contains("unchecked") || name.starts_with("HELLO") || name.starts_with("WELCOME")
}

/// Vectors of mistakes, and of headers without their body: other tests read them.
pub(crate) fn is_whole(name: &str) -> bool {
    !name.starts_with("mistake ") && !name.starts_with("header ")
}

fn read(bytes: &[u8], checksum: bool) -> Frame {
    let mut decoder = FrameDecoder::default();
    decoder.agree(1 << 20, false, checksum);
    decoder.push(Bytes::copy_from_slice(bytes));
    let frame = decoder.next_frame().expect("the page shows sound frames").expect("whole ones");
    assert!(!decoder.is_mid_frame() && !decoder.has_unread(), "bytes left over");
    frame
}

fn of_page(name: &str) -> Frame {
    let vectors = page::vectors(&page::text());
    let (_, bytes) = vectors.iter().find(|(known, _)| known == name).expect("the page has it");
    read(bytes, true)
}

#[test]
fn the_page_shows_what_the_code_writes() {
    let mut shown_there = page::vectors(&page::text());
    shown_there.retain(|(name, _)| is_whole(name));
    let names: Vec<_> = shown_there.iter().map(|(name, _)| name.as_str()).collect();
    let expected = expected();
    assert_eq!(names, expected.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    for ((name, there), (_, header, body)) in shown_there.iter().zip(&expected) {
        let mut bytes = Vec::new();
        append(&mut bytes, header, body, is_checked(name));
        assert_eq!(shown(there), shown(&bytes), "{name}");
    }
}

#[test]
fn the_code_reads_what_the_page_shows() {
    let shown_there = page::vectors(&page::text());
    for ((name, bytes), (_, header, body)) in shown_there.iter().zip(expected()) {
        let frame = read(bytes, is_checked(name));
        assert_eq!((frame.header, &frame.body[..]), (header, &body[..]), "{name}");
    }
}

#[test]
fn the_greetings_of_the_page_are_understood() {
    assert_eq!(Hello::decode(&of_page("HELLO").body), Ok(hello(false)));
    assert_eq!(Hello::decode(&of_page("HELLO resume").body), Ok(hello(true)));
    let with_nonce = Hello::decode(&of_page("HELLO nonce").body);
    assert_eq!(with_nonce, Ok(Hello { nonce: Some(NONCE), ..hello(false) }));
    let table = Table::decode(&of_page("TABLE properties").body, FEATURE_PROPERTIES);
    assert_eq!(table, Ok(Table { types: [].into(), ..Table::of(ClockClient::CONTRACT) }));
    let table = Table::decode(&of_page("TABLE types").body, FEATURE_TYPES);
    assert_eq!(table, Ok(Table { idempotent: [].into(), ..Table::of(ClockClient::CONTRACT) }));
    let hello = Hello::decode(&of_page("HELLO types").body);
    let types = ClockClient::CONTRACT.types().map(|types| types.fingerprint);
    assert_eq!(hello.map(|hello| hello.types), Ok(types.into_iter().collect()));
    let read = Welcome::decode(&of_page("WELCOME").body).expect("a WELCOME");
    assert_eq!(read.encode(), welcome().encode());
    assert_eq!(read.session, SESSION);
    assert_eq!(message::decode_incarnation(&of_page("SESSION_LOST").body), Ok(INCARNATION));
    assert_eq!(message::decode_name(&of_page("METHODS").body), Ok("Kv"));
    assert_eq!(
        Table::decode(&of_page("TABLE").body, 0),
        Ok(Table { types: [].into(), ..Table::of(KvClient::CONTRACT) })
    );
}

#[test]
fn the_values_of_the_page_are_understood() {
    assert_eq!(codec::decode(&of_page("CALL").body), Ok(("a",)));
    assert_eq!(codec::decode(&of_page("REPLY done").body), Ok("1"));
    assert_eq!(codec::decode(&of_page("REPLY failed").body), Ok(KvError::NotFound));
    assert_eq!(Status::from_code(of_page("REPLY refused").header.code), Ok(Status::Refused(Reason::Busy)));
}
