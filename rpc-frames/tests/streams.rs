//! Two streams in pieces of any size give the same frames, in bounded memory.

use rpc_core::Client;
use rpc_core::wire::frame::{Header, Kind, append};
use rpc_frames::{Annotated, Dialogue, MOST_KEPT, Methods, Way};

use crate::bodies::{KvClient, covers, encoded};
use crate::page::{text, vectors};

fn vector(name: &str) -> Vec<u8> {
    let found = vectors(&text()).into_iter().find(|(found, _)| found == name);
    found.unwrap_or_else(|| panic!("the page has no {name}")).1
}

/// Gives a dialogue the bytes of both directions in pieces, first those of the client.
fn read(methods: Methods, most: usize, ways: [&[u8]; 2], mut piece: impl FnMut() -> usize) -> Vec<Annotated> {
    let mut frames = Vec::new();
    let mut dialogue = Dialogue::new(methods, most);
    for (way, mut bytes) in [Way::ToServer, Way::ToClient].into_iter().zip(ways) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(piece().min(bytes.len()));
            dialogue.push(way, now, &mut |frame| frames.push(frame));
            bytes = later;
        }
        dialogue.end(way, &mut |frame| frames.push(frame));
    }
    frames.iter().for_each(covers);
    frames
}

#[test]
fn frames_are_the_same_in_pieces_of_any_size() {
    let to_server = ["HELLO nonce", "CALL", "CANCEL", "ACK", "METHODS", "PING", "BYE"].map(vector).concat();
    let to_client = ["WELCOME", "REPLY done", "REPLY failed", "TABLE", "PONG", "GOAWAY"].map(vector).concat();
    let ways = [&to_server[..], &to_client];
    let methods = || Methods::of(&[KvClient::CONTRACT]);
    let whole = read(methods(), MOST_KEPT, ways, || usize::MAX);
    let kinds: Vec<&str> = whole.iter().map(|frame| frame.kind.as_str()).collect();
    let expected = "HELLO CALL CANCEL ACK METHODS PING BYE WELCOME REPLY REPLY TABLE PONG GOAWAY";
    assert_eq!(kinds.join(" "), expected);
    assert!(whole.iter().all(|frame| frame.wrong.is_empty()));
    assert_eq!(whole[8].says, "\"1\"", "a reply is opened by the method of its call");
    assert_eq!(read(methods(), MOST_KEPT, ways, || 1), whole);
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..200 {
        let most = random.usize(1..100);
        assert_eq!(read(methods(), MOST_KEPT, ways, || random.usize(1..=most)), whole);
    }
}

#[test]
fn a_table_on_the_way_teaches_the_methods() {
    let welcome = {
        let mut welcome = vector("WELCOME");
        welcome[38] = 32; // the feature `types`
        sealed(welcome)
    };
    let to_client = [welcome, vector("TABLE types")].concat();
    let mut frames = Vec::new();
    let mut dialogue = Dialogue::new(Methods::default(), MOST_KEPT);
    dialogue.push(Way::ToClient, &to_client, &mut |frame| frames.push(frame));
    dialogue.push(Way::ToServer, &vector("CALL no arguments"), &mut |frame| frames.push(frame));
    let mut reply = Vec::new();
    append(&mut reply, &Header::for_call(Kind::Reply, 0, 1), &7_u64.to_le_bytes(), true);
    dialogue.push(Way::ToClient, &reply, &mut |frame| frames.push(frame));
    let says: Vec<&str> = frames.iter().map(|frame| frame.says.as_str()).collect();
    assert_eq!(says, ["a new session, 64 slots", "\"Clock\" has 1 method", "now()", "7"]);
    assert_eq!(frames[3].method, "Clock.now");
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = rpc_core::wire::frame::body_checksum(&bytes[36..], true);
    bytes[28..32].copy_from_slice(&body.to_le_bytes());
    let header = rpc_core::wire::frame::body_checksum(&bytes[..32], true);
    bytes[32..36].copy_from_slice(&header.to_le_bytes());
    bytes
}

#[test]
fn of_a_long_frame_the_beginning_is_kept_and_its_checksum_is_judged() {
    let method = KvClient::CONTRACT.methods[0].id;
    let key = "x".repeat(1 << 20);
    let body = encoded(&(key.as_str(),));
    let header = Header { method, ..Header::for_call(Kind::Call, 0, 1) };
    let mut bytes = Vec::new();
    append(&mut bytes, &header, &body, true);
    let mut random = fastrand::Rng::with_seed(2);
    let frames = read(Methods::of(&[KvClient::CONTRACT]), 100, [&bytes, &[]], || random.usize(1..5000));
    let [frame] = &frames[..] else { panic!("{} frames", frames.len()) };
    assert_eq!((frame.wrong.as_str(), frame.length, frame.bytes.len()), ("", bytes.len(), 100));
    let last = frame.fields.last().expect("a field");
    assert_eq!((last.name.as_str(), last.value.as_str()), ("key", "the other 1048520 bytes not kept"));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let frames = read(Methods::default(), 100, [&bytes, &[]], || 3000);
    assert!(frames[0].wrong.starts_with("body crc at byte 28"), "{}", frames[0].wrong);
}

#[test]
fn bytes_that_are_no_frames_are_shown_once_and_the_other_direction_goes_on() {
    let garbage = [vector("PING"), vec![0xaa; 100_000]].concat();
    let frames = read(Methods::default(), 64, [&garbage, &vector("PONG")], || 1000);
    let kinds: Vec<(&str, usize)> =
        frames.iter().map(|frame| (frame.kind.as_str(), frame.bytes.len())).collect();
    assert_eq!(kinds, [("PING", 36), ("?", 64), ("PONG", 36)]);
    let http = b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
    let frames = read(Methods::default(), MOST_KEPT, [http, b"HTTP/1.1 400"], || usize::MAX);
    assert_eq!(frames.len(), 2);
    assert!(frames.iter().all(|frame| frame.kind == "?" && !frame.wrong.is_empty()), "{frames:?}");
    assert_eq!(frames[1].wrong, "12 bytes, fewer than the 36 of a header: \"HTTP/1.1 400\"");
}

#[test]
fn a_length_that_lies_takes_no_memory_and_is_told_at_the_end() {
    let header = Header::for_call(Kind::Call, 0, 1).encode(u32::MAX as usize - 36, 0);
    let frames = read(Methods::default(), MOST_KEPT, [&header, &[]], || 5);
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].wrong, "length at byte 0: 4294967259 bytes of the body missing");
}

#[test]
fn the_json_of_a_frame_has_its_fields_with_their_places() {
    let frame = &read(Methods::of(&[KvClient::CONTRACT]), MOST_KEPT, [&vector("CALL"), &[]], || 9)[0];
    let json = serde_json::to_value(frame).expect("it is JSON");
    assert_eq!(json["kind"], "CALL");
    assert_eq!((&json["slot"], &json["seq"]), (&0.into(), &1.into()));
    let fields = json["fields"].as_array().expect("a list");
    let last = fields.last().expect("a field");
    assert_eq!(
        *last,
        serde_json::json!({ "name": "key", "from": 44, "to": 45, "value": "\"a\"" }),
        "a field that is right has no mistake"
    );
    assert!(json["bytes"].as_str().is_some_and(|hex| hex.starts_with("2900000003")));
}
