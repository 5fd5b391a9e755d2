//! The page's tables of kinds, statuses, ids and limits against the code.

use std::time::Duration;

use bytes::Bytes;
use rpc_core::Client;
use rpc_core::contract::{Contract, Method};
use rpc_core::error::ProtocolError;
use rpc_core::limits::{self, ClientLimits, ServerLimits};
use rpc_core::types::{Formats, fingerprint};
use rpc_core::wire::frame::{Frame, FrameDecoder, Header, Kind};
use rpc_core::wire::message::Status;
use rpc_core::wire::reject::RejectCode;

use crate::page;
use crate::{ClockClient, KvClient};

/// CRC-32C as rule W5 describes it, apart from the crate that the code uses.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// Decodes a frame of this kind.
fn frame_of_kind(kind: u8) -> Result<Frame, ProtocolError> {
    let mut bytes = Header::new(Kind::Ping).encode(0, 0);
    bytes[4] = kind;
    let checksum = crc32c(&bytes[..32]);
    bytes[32..].copy_from_slice(&checksum.to_le_bytes());
    let mut decoder = FrameDecoder::default();
    decoder.push(Bytes::copy_from_slice(&bytes));
    decoder.next_frame().map(|frame| frame.expect("it is whole"))
}

#[test]
fn the_checksum_is_as_the_rule_says() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(rpc_core::wire::frame::body_checksum(b"123456789", true), 0xe306_9283);
}

#[test]
fn the_kinds_are_those_of_the_page() {
    let rows = page::table(&page::text(), &["kind", "name", "from"]);
    for kind in 0..=255 {
        let row = rows.iter().find(|row| row[0] == kind.to_string());
        match frame_of_kind(kind) {
            Ok(frame) => assert_eq!(row.map(|row| row[1].as_str()), Some(frame.header.kind.name())),
            Err(error) => assert_eq!((error, row), (ProtocolError::UnknownKind(kind), None)),
        }
    }
}

#[test]
fn the_statuses_are_those_of_the_page() {
    let rows = page::table(&page::text(), &["code", "status", "ran?"]);
    for code in (0..=22).chain(28..=255) {
        let row = rows.iter().find(|row| row[0] == code.to_string());
        let known = Status::from_code(code).ok();
        assert_eq!(row.is_some(), known.is_some(), "code {code}");
        let (Some(row), Some(status)) = (row, known) else { continue };
        let name = match status {
            Status::Refused(reason) => format!("{reason:?}"),
            other => format!("{other:?}"),
        };
        assert_eq!((row[1].as_str(), row[2] == "once"), (name.as_str(), status.ran()), "code {code}");
    }
}

#[test]
fn the_reasons_of_a_reject_are_those_of_the_page() {
    let rows = page::table(&page::text(), &["code", "reason", "what the client did"]);
    let shown: Vec<_> = rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let known = RejectCode::ALL.map(|code| ((code as u8).to_string(), format!("{code:?}")));
    assert_eq!(shown, known);
}

#[test]
fn the_fingerprints_of_types_are_those_of_the_page() {
    let rows = page::table(&page::text(), &["text", "fingerprint"]);
    assert_eq!(rows.len(), 3, "one without types of a name, one with, and one that contains itself");
    for row in rows {
        let formats: Formats = row[0].parse().expect("the text of formats");
        assert_eq!(formats.to_string(), row[0]);
        assert_eq!(format!("{:016x}", fingerprint(&formats)), row[1]);
    }
    let clock = ClockClient::CONTRACT.types().expect("it was traced");
    assert_eq!(clock.methods[0].text, "fn() -> u64");
}

#[test]
fn the_ids_are_those_of_the_page() {
    let text = page::text();
    let rows = page::table(&text, &["name", "signature", "id"]);
    assert_eq!(rows.len(), 4, "two methods, one with its arguments renamed, one of version 2");
    for (row, method) in rows.iter().zip(KvClient::CONTRACT.methods) {
        assert_eq!([row[0].as_str(), row[1].as_str()], [method.name, method.signature]);
    }
    let ids: Vec<&str> = rows.iter().map(|row| row[2].as_str()).collect();
    for (row, id) in rows.iter().zip(&ids) {
        let [name, signature] = [&row[0], &row[1]].map(|text| &*Box::leak(text.clone().into_boxed_str()));
        assert_eq!(format!("{:016x}", Method::new(name, signature).id.0), *id);
    }
    assert_eq!(ids[2], ids[1], "W16a");
    assert_ne!(ids[3], ids[1], "W16b");
    let hash = KvClient::CONTRACT.hash;
    assert!(text.contains(&format!("`{hash:016x}`")), "the page's contract hash is not {hash:016x}");
    assert_eq!(Contract::new("Kv", KvClient::CONTRACT.methods).hash, hash);
}

#[test]
fn the_limits_are_those_of_the_page() {
    let (server, client) = (ServerLimits::default(), ClientLimits::default());
    assert_eq!(server.max_frame, client.max_frame);
    let bytes = |n: usize| format!("{} bytes", grouped(n));
    let seconds = |time: Duration| format!("{} s", time.as_secs());
    let expected = [
        ("body before the session stands", bytes(limits::MAX_GREETING)),
        ("body afterwards", bytes(server.max_frame)),
        ("HELLO that opens a session", bytes(limits::MAX_OPENING_HELLO)),
        (
            "slots of a session",
            format!("{} wanted, {} at most", client.slots, grouped(limits::MAX_SLOTS.into())),
        ),
        ("services in a HELLO", grouped(limits::MAX_SERVICES)),
        ("methods in a TABLE", grouped(limits::MAX_METHODS)),
        ("metadata of a call", bytes(limits::MAX_METADATA)),
        ("text of a refusal or a panic", bytes(limits::MAX_DETAIL)),
        ("arguments of a method", grouped(rpc_codegen::validate::MAX_ARGUMENTS)),
        ("nesting of a value", limits::DEFAULT_NESTING.to_string()),
        ("elements beyond the bytes of a body", grouped(limits::SPARE_ELEMENTS)),
        (
            "memory of the elements of a body",
            format!(
                "{} bytes for each of its bytes, and {} MiB",
                limits::MEMORY_PER_BYTE,
                limits::SPARE_MEMORY >> 20
            ),
        ),
        ("time for HELLO", format!("{} s", limits::HELLO_TIME.as_secs())),
        ("unsent bytes of a connection at which the server stops reading it", grouped(server.unsent_pause)),
        ("unsent bytes of a connection, beside one reply", grouped(server.unsent_most)),
        ("unsent bytes of all connections", grouped(server.unsent_budget)),
        (
            "time without progress in writing them, until the connection is closed",
            seconds(server.unsent_stall),
        ),
        ("connections", grouped(server.connections)),
        ("sessions", grouped(server.sessions)),
        (
            "sessions from one source: an IPv4 address, or the first 64 bits of an IPv6 address",
            grouped(server.sessions_per_source.unwrap_or(server.sessions / 4)),
        ),
        (
            "nonces of ended sessions",
            format!(
                "{}, {} of one source",
                grouped(limits::ENDED_NONCES),
                grouped(limits::ENDED_NONCES / limits::ENDED_NONCES_SHARE)
            ),
        ),
        ("lease", seconds(server.lease)),
        ("calls that wait to run", grouped(server.queue)),
        ("bytes of their arguments", grouped(server.queue_bytes)),
        ("handlers that run at once", grouped(server.threads)),
        ("reply that is kept", bytes(server.max_cached_reply)),
        ("kept replies of a session", bytes(server.session_replies)),
        (
            "kept replies of all sessions",
            format!("{}, {} replies", bytes(server.reply_budget), grouped(server.replies)),
        ),
        ("pause that a busy server asks for", format!("{} ms", server.retry_after.as_millis())),
        ("shutting down: wait for acknowledgements of what is written", seconds(server.drain_linger)),
        ("shutting down: wait for all that is open", seconds(server.grace)),
    ];
    let rows = page::table(&page::text(), &["what", "how much", "whose"]);
    let shown: Vec<_> = rows.iter().map(|row| (row[0].as_str(), row[1].clone())).collect();
    assert_eq!(shown, expected);
}

/// 4194304 as 4,194,304.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let grouped = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    grouped.collect::<Vec<_>>().join(",")
}
