//! Tests of the decoder: frames at every split, skipped bodies, and its room.

use super::*;
use crate::wire::frame::{Header, append};
use crate::wire::tests::{agreed, call};

#[test]
fn a_frame_comes_back_as_it_was_at_every_split() {
    let mut stream = call(b"hello");
    stream.extend(call(b""));
    stream.extend(call(&[7; 300]));
    for cut in 0..=stream.len() {
        let mut decoder = agreed(1000);
        let mut bodies = Vec::new();
        for part in [&stream[..cut], &stream[cut..]] {
            decoder.push(Bytes::copy_from_slice(part));
            while let Some(frame) = decoder.next_frame().expect("well formed") {
                assert_eq!((frame.header.slot, frame.header.seq, frame.header.millis), (3, 7, 5000));
                bodies.push(frame.body.to_vec());
            }
        }
        assert_eq!(bodies, [b"hello".to_vec(), vec![], vec![7; 300]], "cut at {cut}");
        assert!(!decoder.is_mid_frame());
    }
}

#[test]
fn every_changed_bit_is_found() {
    let good = call(b"payload");
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            let mut decoder = agreed(1000);
            decoder.push(Bytes::from(bad));
            assert!(decoder.next_frame().is_err(), "byte {at} bit {bit}");
        }
    }
}

#[test]
fn before_a_session_stands_an_absurd_length_is_refused_from_its_four_bytes() {
    let mut decoder = FrameDecoder::default();
    decoder.push(Bytes::from_static(&[0xff; 4]));
    assert!(matches!(decoder.next_frame(), Err(ProtocolError::LongFrame { .. })));
    let mut decoder = FrameDecoder::default();
    decoder.push(Bytes::from_static(&[31, 0, 0, 0]));
    assert_eq!(decoder.next_frame().err(), Some(ProtocolError::ShortFrame(31)));
}

#[test]
fn w3_once_a_session_stands_a_length_is_believed_only_after_its_headers_checksum() {
    for length in [0u32, 31, 39, 1032 * 17, u32::MAX] {
        let mut bad = call(b"payload");
        bad[..4].copy_from_slice(&length.to_le_bytes());
        for cut in [4, 20, HEADER - 1] {
            let mut decoder = agreed(1000);
            decoder.push(Bytes::copy_from_slice(&bad[..cut]));
            assert!(decoder.next_frame().expect("no header yet").is_none(), "{length}, cut at {cut}");
            decoder.push(Bytes::copy_from_slice(&bad[cut..]));
            let found = decoder.next_frame();
            match length {
                39 => assert!(found.expect("the true length").is_some()),
                _ => assert_eq!(found.err(), Some(ProtocolError::HeaderChecksum), "{length}"),
            }
        }
    }
}

#[test]
fn a_kind_without_a_body_has_none() {
    for kind in [Kind::Cancel, Kind::Ack, Kind::Ping, Kind::Pong, Kind::GoAway, Kind::Busy, Kind::Bye] {
        for (body, taken) in [(&[][..], true), (&[0], false)] {
            let mut bytes = Vec::new();
            append(&mut bytes, &Header::new(kind), body, true);
            let mut decoder = agreed(1000);
            decoder.push(bytes.into());
            assert_eq!(decoder.next_frame().is_ok(), taken, "{kind:?}");
        }
    }
}

#[test]
fn a_call_over_the_limit_is_skipped_and_the_next_one_read() {
    let mut stream = call(&[1; 5000]);
    stream.extend(call(b"next"));
    for cut in [0, 1, 20, 36, 37, 2000, stream.len() - 50] {
        let mut decoder = agreed(1000);
        let mut seen = Vec::new();
        for part in [&stream[..cut], &stream[cut..]] {
            decoder.push(Bytes::copy_from_slice(part));
            while let Some(frame) = decoder.next_frame().expect("well formed") {
                seen.push((frame.skipped, frame.body.len()));
            }
        }
        assert_eq!(seen, [(Some(5000), 0), (None, 4)], "cut at {cut}");
    }
}

#[test]
fn a_body_that_has_begun_when_a_lower_limit_is_agreed_on_is_skipped_from_where_it_is() {
    let mut decoder = agreed(1000);
    let long = call(&[1; 500]);
    decoder.push(Bytes::copy_from_slice(&long[..HEADER + 400]));
    assert!(decoder.next_frame().expect("not yet whole").is_none());
    decoder.agree(100, true, true);
    decoder.push([&long[HEADER + 400..], &call(b"next")].concat().into());
    let mut next =
        || decoder.next_frame().expect("well formed").map(|frame| (frame.skipped, frame.body.len()));
    assert_eq!((next(), next(), next()), (Some((Some(500), 0)), Some((None, 4)), None));
}

#[test]
fn before_a_session_stands_nothing_long_is_held_or_skipped() {
    let mut decoder = FrameDecoder::default();
    decoder.push(Bytes::from(call(&[1; MAX_GREETING + 1])));
    assert!(matches!(decoder.next_frame(), Err(ProtocolError::LongFrame { .. })));
}

#[test]
fn the_room_of_a_long_frame_is_used_again_where_that_is_asked_for() {
    let long = call(&vec![7; 3 * ROOM_STEP]);
    let place_of_next = |decoder: &mut FrameDecoder| {
        let mut place = None;
        for part in long.chunks(ROOM_STEP) {
            decoder.push(Bytes::copy_from_slice(part));
            let frame = decoder.next_frame().expect("well formed");
            place = place.or(frame.map(|frame| (frame.body.len(), frame.body.as_ptr() as usize)));
        }
        let (length, place) = place.expect("it is whole");
        assert_eq!(length, 3 * ROOM_STEP);
        place
    };
    let mut keeping = FrameDecoder { limits: agreed(4 << 20).limits, ..FrameDecoder::keeping_room(1 << 20) };
    let place = place_of_next(&mut keeping);
    // It would lie in the room of that frame if the decoder had let it go.
    let other = vec![7u8; 3 * ROOM_STEP + HEADER];
    assert_eq!(place, place_of_next(&mut keeping));
    assert_ne!(place, other.as_ptr() as usize + HEADER);
    for mut other in [agreed(4 << 20), FrameDecoder { room_kept: ROOM_STEP, ..agreed(4 << 20) }] {
        place_of_next(&mut other);
        assert_eq!(other.held.capacity(), 0, "a connection at rest holds nothing");
    }
}
