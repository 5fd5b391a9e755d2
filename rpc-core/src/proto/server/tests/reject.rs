//! Rules of REJECT: each mistake of a client has its code, before WELCOME and after it, and the session lives.

use super::*;
use crate::limits::{MAX_GREETING, MAX_OPENING_HELLO, SKIP_FACTOR};
use crate::wire::reject::RejectCode;

/// The code and the text with which a connection was rejected.
fn rejection(bench: &mut Bench, conn: ConnId) -> (RejectCode, String) {
    let frames = bench.read(conn);
    let last = frames.last().expect("a REJECT");
    assert_eq!(last.header.kind, Kind::Reject);
    assert!(bench.core.wants_close(conn));
    (RejectCode::from_wire(last.header.code), String::from_utf8_lossy(&last.body).into_owned())
}

/// The code with which a new connection is rejected whose first bytes are these.
fn first_bytes(bytes: &[u8]) -> (RejectCode, String) {
    let mut bench = Bench::plain();
    let conn = bench.connect();
    bench.core.handle_input(conn, bytes.to_vec().into(), bench.now);
    rejection(&mut bench, conn)
}

/// A HELLO frame with the byte at this place of it changed, and its header's checksum as it should be.
fn changed_hello(at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = encoded(&Header::new(Kind::Hello), &hello(SLOTS).encode()).to_vec();
    bytes[at] = byte;
    let checksum = crc32c::crc32c(&bytes[..32]);
    bytes[32..36].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[test]
fn w2_other_protocols_are_told_what_is_spoken_here() {
    let frame = |body: &[u8]| encoded(&Header::new(Kind::Hello), body).to_vec();
    let other_magic = frame(b"AMO\x02 and what its version has here");
    for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x03\x01\x02", b"PRI * HTTP/2.0\r\n", &other_magic] {
        let (code, text) = first_bytes(bytes);
        assert_eq!(code, RejectCode::NotThisProtocol, "{bytes:?}");
        assert!(text.contains("not HTTP, not TLS"), "{text}");
    }
}

#[test]
fn w9_the_first_mistake_of_a_client_gets_a_diagnosis_of_its_own() {
    let frame = |body: &[u8]| encoded(&Header::new(Kind::Hello), body).to_vec();
    let right = frame(&hello(SLOTS).encode());
    let with = |at: usize, byte: u8| {
        let mut bytes = right.clone();
        bytes[at] = byte;
        bytes
    };
    let body = hello(SLOTS).encode();
    let body_with = |at: usize, byte: u8| {
        let mut body = body.clone();
        body[at] = byte;
        frame(&body)
    };
    let services = |count: usize| Hello {
        services: (0..count).map(|at| (format!("Service{at}"), 0)).collect(),
        ..hello(SLOTS)
    };
    let long = Hello { services: (0..20).map(|_| ("s".repeat(193), 0)).collect(), ..hello(SLOTS) }.encode();
    assert!(long.len() > MAX_OPENING_HELLO && long.len() <= MAX_GREETING);
    let cases = [
        (with(32, right[32] ^ 1), RejectCode::BadChecksum, "header"),
        (with(28, right[28] ^ 1), RejectCode::BadChecksum, "header"),
        (changed_hello(40, 9), RejectCode::BadChecksum, "body"),
        (changed_hello(3, 1), RejectCode::TooLong, "over the limit"),
        (changed_hello(0, 31), RejectCode::BadLength, "shorter"),
        (changed_hello(4, 16), RejectCode::UnknownKind, "kind 16"),
        (changed_hello(4, Kind::Call as u8), RejectCode::Unexpected, "CALL"),
        (body_with(6, 0), RejectCode::Version, "speaks version 1"),
        (body_with(14, 2), RejectCode::BadBody, "resume byte"),
        (body_with(25, 0xff), RejectCode::BadBody, "UTF-8"),
        (frame(&body[..body.len() - 1]), RejectCode::BadBody, "HELLO"),
        (frame(&[&body[..], &[0]].concat()), RejectCode::BadBody, "left over"),
        (frame(&services(65).encode()), RejectCode::TooManyServices, "65 services"),
        (frame(&long), RejectCode::HelloTooLong, "opens a session"),
    ];
    for (bytes, code, part) in cases {
        let (found, text) = first_bytes(&bytes);
        assert_eq!(found, code, "{text}");
        assert!(text.contains(part) && !text.contains("HTTP"), "{code:?}: {text}");
    }
}

#[test]
fn w19_each_mistake_in_a_session_has_its_code_and_the_session_lives() {
    let too_long = ServerLimits::default().max_frame * SKIP_FACTOR + 1;
    let mut bad_body = encoded(&Header::new(Kind::Methods), b"\x02Kv").to_vec();
    bad_body[37] ^= 1;
    let mut flipped = encoded(&Header::new(Kind::Ping), b"").to_vec();
    flipped[3] ^= 0x20;
    let plain = |header: Header| encoded(&header, b"").to_vec();
    let cases: [(Vec<u8>, RejectCode); 11] = [
        (flipped, RejectCode::BadChecksum),
        (bad_body, RejectCode::BadChecksum),
        (call(0, 2, PLAIN).encode(too_long, 0).to_vec(), RejectCode::TooLong),
        (encoded(&Header::new(Kind::Methods), b"\x09").to_vec(), RejectCode::BadBody),
        (plain(Header::new(Kind::Pong)), RejectCode::Unexpected),
        (encoded(&Header::new(Kind::Hello), &hello(SLOTS + 1).encode()).to_vec(), RejectCode::Unexpected),
        (plain(call(SLOTS, 1, PLAIN)), RejectCode::SlotRange),
        (plain(call(0, 0, PLAIN)), RejectCode::SeqRange),
        (plain(call(0, 2, PLAIN)), RejectCode::SlotBusy),
        (plain(call(0, 1, PLAIN)), RejectCode::OtherContents),
        (plain(Header::for_call(Kind::Ack, 0, 1)), RejectCode::EarlyAck),
    ];
    for (bytes, code) in cases {
        let mut bench = Bench::plain();
        let mut peer = bench.open();
        bench.call(&peer, 0, 1); // it waits
        bench.core.handle_input(peer.conn, bytes.into(), bench.now);
        assert_eq!(rejection(&mut bench, peer.conn).0, code);
        assert!(bench.resume(&mut peer), "{code:?}");
    }
}
