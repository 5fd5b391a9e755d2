//! Rules of the limits on frames, at each boundary exactly.

use bytes::Bytes;

use crate::error::ProtocolError;
use crate::limits::{HEADER, MAX_GREETING, SKIP_FACTOR};
use crate::wire::frame::{Frame, FrameDecoder, Header, Kind, append};

fn frame(kind: Kind, size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, &Header::new(kind), &vec![1; size], true);
    bytes
}

/// Returns the result of a decoder with this limit for a frame, whole and split.
fn read(
    kind: Kind,
    size: usize,
    limit: usize,
    skip: bool,
    cut: usize,
) -> Result<Option<Frame>, ProtocolError> {
    let mut decoder = FrameDecoder::default();
    decoder.agree(limit, skip, true);
    let bytes = frame(kind, size);
    decoder.push(Bytes::copy_from_slice(&bytes[..cut]));
    let first = decoder.next_frame()?;
    decoder.push(Bytes::copy_from_slice(&bytes[cut..]));
    Ok(first.or(decoder.next_frame()?))
}

#[test]
fn a_body_at_the_limit_is_taken_and_one_byte_more_is_passed_over() {
    for cut in [0, 3, 4, 10, 36, 40] {
        for (size, skipped) in [(99, None), (100, None), (101, Some(101)), (100 * SKIP_FACTOR, Some(1600))] {
            let read = read(Kind::Call, size, 100, true, cut).expect("well formed").expect("whole");
            assert_eq!(read.skipped, skipped, "{size} bytes, cut at {cut}");
            assert_eq!(read.body.len(), if skipped.is_some() { 0 } else { size });
        }
    }
}

#[test]
fn a_body_that_is_too_long_to_be_passed_over_is_an_error_from_its_header_alone() {
    for (size, skip, judged) in [(100 * SKIP_FACTOR + 1, true, HEADER), (101, false, 4)] {
        let mut decoder = FrameDecoder::default();
        decoder.agree(100, skip, true);
        let bytes = frame(Kind::Call, size);
        decoder.push(Bytes::copy_from_slice(&bytes[..judged - 1]));
        assert!(decoder.next_frame().expect("it may be well formed").is_none());
        decoder.push(Bytes::copy_from_slice(&bytes[judged - 1..judged]));
        assert_eq!(decoder.next_frame().err(), Some(ProtocolError::LongFrame { got: size, limit: 100 }));
    }
    assert!(read(Kind::Call, 100, 100, false, 0).expect("well formed").is_some());
}

#[test]
fn only_calls_and_replies_are_passed_over() {
    for kind in [Kind::Hello, Kind::Welcome, Kind::SessionLost, Kind::Methods, Kind::Table, Kind::Reject] {
        for cut in [0, 10, 36] {
            assert!(read(kind, 100, 100, true, cut).expect("well formed").is_some(), "{kind:?}");
            let error = read(kind, 101, 100, true, cut).err();
            assert_eq!(error, Some(ProtocolError::LongFrame { got: 101, limit: 100 }), "{kind:?}");
        }
    }
    for kind in [Kind::Call, Kind::Reply] {
        let skipped = read(kind, 101, 100, true, 0).expect("well formed").expect("passed over");
        assert_eq!(skipped.skipped, Some(101));
    }
}

#[test]
fn before_a_session_a_body_has_the_greetings_limit_and_nothing_is_passed_over() {
    for (size, fits) in [(MAX_GREETING, true), (MAX_GREETING + 1, false)] {
        for kind in [Kind::Hello, Kind::Call] {
            let mut decoder = FrameDecoder::default();
            decoder.push(Bytes::from(frame(kind, size)));
            assert_eq!(decoder.next_frame().is_ok(), fits, "{kind:?} {size}");
        }
    }
}

#[test]
fn a_length_below_a_header_is_no_frame_and_a_header_alone_is_one() {
    for length in 0..HEADER - 4 {
        let mut decoder = FrameDecoder::default();
        decoder.push(Bytes::copy_from_slice(&(length as u32).to_le_bytes()));
        assert_eq!(decoder.next_frame().err(), Some(ProtocolError::ShortFrame(length)));
    }
    assert!(read(Kind::Ping, 0, 0, false, 0).expect("well formed").is_some());
}

#[test]
fn only_the_fifteen_kinds_are_known() {
    for byte in 0..=255u8 {
        let mut bytes = frame(Kind::Ping, 0);
        bytes[4] = byte;
        let checksum = crc32c::crc32c(&bytes[..32]);
        bytes[32..36].copy_from_slice(&checksum.to_le_bytes());
        let mut decoder = FrameDecoder::default();
        decoder.push(Bytes::from(bytes));
        match decoder.next_frame() {
            Ok(Some(frame)) => assert_eq!(frame.header.kind as u8, byte),
            other => {
                assert_eq!(other.err(), Some(ProtocolError::UnknownKind(byte)));
                assert!(byte == 0 || byte > 15);
            }
        }
    }
}

#[test]
fn every_field_of_a_header_comes_back_as_it_was() {
    let header = Header {
        kind: Kind::Reply,
        code: 0xa1,
        slot: 0xb1b2,
        seq: 0xc1c2_c3c4_c5c6_c7c8,
        method: crate::ids::MethodId(0xd1d2_d3d4_d5d6_d7d8),
        millis: 0xe1e2_e3e4,
    };
    let mut bytes = Vec::new();
    append(&mut bytes, &header, b"body", true);
    assert_eq!(bytes.len(), HEADER + 4);
    let mut decoder = FrameDecoder::default();
    decoder.push(Bytes::from(bytes));
    let frame = decoder.next_frame().expect("well formed").expect("whole");
    assert_eq!(
        (frame.header, &frame.body[..], frame.body_crc),
        (header, &b"body"[..], crc32c::crc32c(b"body"))
    );
}

#[test]
fn a_decoder_that_keeps_room_gives_each_frame_its_own_bytes() {
    let mut decoder = FrameDecoder::keeping_room(1 << 20);
    decoder.agree(1 << 20, true, true);
    let mut held = Vec::new();
    for round in 0..5u8 {
        let mut bytes = Vec::new();
        append(&mut bytes, &Header::new(Kind::Reply), &vec![round; 200_000], true);
        let mut found = None;
        for piece in bytes.chunks(70_000) {
            decoder.push(Bytes::copy_from_slice(piece));
            found = found.or(decoder.next_frame().expect("well formed"));
        }
        held.push(found.expect("whole").body);
    }
    for (round, body) in (0..5u8).zip(&held) {
        assert!(body.iter().all(|byte| *byte == round) && body.len() == 200_000, "frame {round}");
    }
}

#[test]
fn a_body_without_room_is_passed_over_from_its_header_on_and_one_that_has_begun_goes_on() {
    let bytes = frame(Kind::Call, 90);
    for cut in [0, 10, HEADER, HEADER + 1, HEADER + 89] {
        for (before, after) in [(50, 100), (100, 50)] {
            let mut decoder = FrameDecoder::default();
            decoder.agree(100, true, true);
            decoder.set_room(before);
            decoder.push(Bytes::copy_from_slice(&bytes[..cut]));
            let first = decoder.next_frame().expect("well formed");
            decoder.set_room(after);
            decoder.push(Bytes::copy_from_slice(&bytes[cut..]));
            let frame = first.or(decoder.next_frame().expect("well formed")).expect("a frame");
            let room = if cut < HEADER { after } else { before };
            assert_eq!(frame.skipped, (room < 90).then_some(90), "cut at {cut}, {before} then {after}");
            decoder.push(Bytes::from(self::frame(Kind::Ping, 0)));
            let next = decoder.next_frame().expect("well formed").expect("the next frame");
            assert_eq!(next.header.kind, Kind::Ping);
        }
    }
    let mut decoder = FrameDecoder::default();
    decoder.agree(100, true, true);
    decoder.set_room(200);
    decoder.push(Bytes::from(frame(Kind::Call, 101)));
    assert_eq!(decoder.next_frame().expect("well formed").expect("passed over").skipped, Some(101));
}
