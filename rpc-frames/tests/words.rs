//! The words for the frames of `docs/wire.md`, and for values.

use rpc_core::Client;
use rpc_core::wire::message::{FEATURE_NO_BODY_CHECKSUM, FEATURE_PROPERTIES, FEATURE_TYPES};
use rpc_frames::{Annotated, Known, Methods, Style, annotate, head, lines};

use crate::bodies::{KvClient, covers};
use crate::page::{text, vectors};

/// Returns a frame of the page, opened as in a session that agreed on what its name says.
pub(crate) fn of_the_page(name: &str, bytes: &[u8]) -> Annotated {
    let mut features = 0;
    if name.contains("unchecked") {
        features |= FEATURE_NO_BODY_CHECKSUM;
    }
    if name.contains("properties") {
        features |= FEATURE_PROPERTIES;
    }
    if name.contains("types") {
        features |= FEATURE_TYPES;
    }
    let methods = Methods::of(&[KvClient::CONTRACT]);
    let get = KvClient::CONTRACT.methods.first().map(|method| method.id);
    annotate(bytes, &Known { features: Some(features), methods: Some(&methods), replied: get })
}

#[test]
fn each_byte_of_each_frame_of_the_page_has_one_field_and_only_the_mistakes_are_wrong() {
    for (name, bytes) in vectors(&text()) {
        let frame = of_the_page(&name, &bytes);
        covers(&frame);
        let is_mistake = name.starts_with("mistake") || name.starts_with("header over");
        assert_eq!(!frame.wrong.is_empty(), is_mistake, "{name}: {}", frame.wrong);
    }
}

#[test]
fn the_heads_of_the_page_are_told_in_words() {
    let vectors = vectors(&text());
    let told = |name: &str| {
        let (_, bytes) = vectors.iter().find(|(found, _)| found == name).expect("the page has it");
        head(&of_the_page(name, bytes))
    };
    for (name, words) in [
        ("HELLO nonce", "HELLO: opens a session: \"Kv\""),
        ("HELLO resume", "HELLO: resumes a session: \"Kv\""),
        ("WELCOME", "WELCOME: a new session, 64 slots"),
        ("CALL", "CALL slot 0, seq 1: get(key: \"a\")"),
        ("CALL metadata", "CALL slot 0, seq 1: get(key: \"a\") with caller: \"backup\""),
        ("REPLY done", "REPLY slot 0, seq 1: \"1\""),
        ("REPLY failed", "REPLY slot 0, seq 1: error NotFound"),
        ("REPLY refused", "REPLY slot 0, seq 1: refused, Busy, try again after 50 ms"),
        ("REPLY denied", "REPLY slot 0, seq 1: refused, Denied: \"for readers only\""),
        ("REPLY lost", "REPLY slot 0, seq 1: ReplyLost, try again after 50 ms: \"its reply was not kept\""),
        ("ACK", "ACK slot 3, seq 7"),
        ("BUSY", "BUSY: try again after 50 ms"),
        ("METHODS", "METHODS: asks for the methods of \"Kv\""),
        ("METHODS services", "METHODS: asks for the services"),
        ("TABLE", "TABLE: \"Kv\" has 2 methods"),
        ("TABLE services", "TABLE: 2 services"),
        ("REJECT", "REJECT BadChecksum: \"a header's checksum is wrong\""),
    ] {
        assert_eq!(told(name), words, "{name}");
    }
}

#[test]
fn a_frame_as_lines_has_the_place_the_bytes_the_name_and_the_meaning_of_each_field() {
    let (name, bytes) =
        vectors(&text()).into_iter().find(|(name, _)| name == "CALL metadata").expect("it is there");
    let shown = lines(&of_the_page(&name, &bytes), Style::default());
    let expected = include_str!("call_metadata.txt");
    assert_eq!(shown, expected, "\n{shown}");
    let coloured = lines(&of_the_page(&name, &bytes), Style { colour: true, ..Style::default() });
    let mut plain = String::new();
    for part in coloured.split("\u{1b}[") {
        plain += part.split_once('m').filter(|(code, _)| code.len() <= 4).map_or(part, |(_, rest)| rest);
    }
    let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(trimmed(&plain), trimmed(&shown), "colours change no word");
}

#[test]
fn bytes_that_are_no_frame_are_told_at_their_place() {
    let methods = Methods::of(&[KvClient::CONTRACT]);
    let known = Known { methods: Some(&methods), ..Known::default() };
    let (_, call) = vectors(&text()).into_iter().find(|(name, _)| name == "CALL").expect("it is there");
    let wrong = |bytes: &[u8]| annotate(bytes, &known).wrong;
    assert_eq!(wrong(&call), "");
    assert_eq!(wrong(&call[..40]), "length at byte 0: 5 bytes of the body missing");
    assert_eq!(wrong(b"hello"), "5 bytes, fewer than the 36 of a header: \"hello\"");
    let longer = [&call[..], b"!"].concat();
    assert_eq!(wrong(&longer), "length at byte 0: 1 byte behind this frame");
    let mut garbled = call.clone();
    garbled[8] ^= 1;
    assert_eq!(wrong(&garbled), "header crc at byte 32: not the checksum of the bytes before it");
    let mut garbled = call;
    garbled[44] ^= 1;
    assert!(wrong(&garbled).starts_with("body crc at byte 28: the checksum of this body is "));
}
