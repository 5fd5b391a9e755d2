//! Rules of frames that arrive in pieces: every split gives the same frames, and every changed byte is found in each.

use bytes::Bytes;

use super::call;
use crate::error::ProtocolError;
use crate::limits::HEADER;
use crate::wire::frame::{Frame, FrameDecoder};

fn agreed(checksum: bool) -> FrameDecoder {
    let mut decoder = FrameDecoder::default();
    decoder.agree(1000, true, checksum);
    decoder
}

/// All frames of a stream that is handed in as these pieces.
fn frames<'a>(
    decoder: &mut FrameDecoder,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<Frame>, ProtocolError> {
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.push(Bytes::copy_from_slice(piece));
        while let Some(frame) = decoder.next_frame()? {
            frames.push(frame);
        }
    }
    Ok(frames)
}

#[test]
fn a_stream_in_pieces_of_any_size_gives_the_same_frames() {
    let mut stream = Vec::new();
    let sizes = [0, 1, 27, 28, 35, 36, 37, 999, 1000];
    for size in sizes {
        stream.extend(call(&vec![size as u8; size]));
    }
    for piece in [1, 3, 4, 5, 31, 32, 35, 36, 37, 40, 72, 500, 10_000] {
        let mut decoder = agreed(true);
        let frames = frames(&mut decoder, stream.chunks(piece)).expect("well formed");
        let bodies: Vec<usize> = frames.iter().map(|frame| frame.body.len()).collect();
        assert_eq!(bodies, sizes, "pieces of {piece}");
        assert!(frames.iter().all(|frame| frame.header.slot == 3 && frame.header.seq == 7));
        assert!(!decoder.is_mid_frame() && !decoder.has_unread());
    }
}

#[test]
fn every_changed_bit_is_found_when_the_frame_arrives_in_two_pieces() {
    let good = call(b"payload");
    for at in 4..good.len() {
        for cut in [1, 4, 5, 20, 36, 37, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            let result = frames(&mut agreed(true), [&bad[..cut], &bad[cut..]]);
            assert!(result.is_err(), "byte {at}, cut at {cut}");
        }
    }
}

#[test]
fn without_checksums_a_changed_body_passes_and_a_changed_header_does_not() {
    let good = call(b"payload");
    for cut in [0, 20, good.len() - 1] {
        let mut bad = good.clone();
        bad[HEADER + 1] ^= 1;
        let frames_of = |bytes: &[u8]| frames(&mut agreed(false), [&bytes[..cut], &bytes[cut..]]);
        assert_eq!(frames_of(&bad).expect("not checked").len(), 1);
        assert!(matches!(
            frames(&mut agreed(true), [&bad[..cut], &bad[cut..]]),
            Err(ProtocolError::BodyChecksum)
        ));
        for at in 4..HEADER {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(matches!(frames_of(&bad), Err(ProtocolError::HeaderChecksum)), "byte {at}");
        }
    }
}

#[test]
fn a_frame_that_has_begun_and_not_ended_is_told() {
    let bytes = call(b"abc");
    for cut in 1..bytes.len() {
        let mut decoder = agreed(true);
        assert!(frames(&mut decoder, [&bytes[..cut]]).expect("well formed so far").is_empty());
        assert!(decoder.is_mid_frame(), "after {cut} bytes");
        assert!(!decoder.has_unread());
        assert_eq!(decoder.into_rest(), bytes[..cut], "and all of it can be handed over");
    }
}

#[test]
fn bytes_behind_a_frame_wait_until_it_was_taken() {
    let (first, second) = (call(b"first"), call(b"second"));
    let mut decoder = agreed(true);
    decoder.push(Bytes::from(first));
    decoder.push(Bytes::from(second.clone()));
    assert_eq!(decoder.next_frame().expect("well formed").expect("whole").body, "first");
    assert!(decoder.has_unread() && !decoder.is_mid_frame());
    assert_eq!(decoder.into_rest(), second);
}

#[test]
fn an_oversize_body_is_passed_over_in_pieces_of_any_size_and_the_next_frame_is_whole() {
    for size in [1001, 1002, 5000, 16_000] {
        let mut stream = call(&vec![1; size]);
        stream.extend(call(b"next"));
        for piece in [1, 35, 36, 37, 1000, 1036, 1037, 30_000] {
            let mut decoder = agreed(true);
            let frames = frames(&mut decoder, stream.chunks(piece)).expect("well formed");
            let seen: Vec<_> = frames.iter().map(|frame| (frame.skipped, frame.body.len())).collect();
            assert_eq!(seen, [(Some(size), 0), (None, 4)], "{size} bytes in pieces of {piece}");
            assert!(!decoder.is_mid_frame());
        }
    }
}

#[test]
fn while_an_oversize_body_is_passed_over_its_frame_has_not_ended() {
    let bytes = call(&[1; 1001]);
    for cut in [HEADER, HEADER + 1, bytes.len() - 1] {
        let mut decoder = agreed(true);
        assert_eq!(frames(&mut decoder, [&bytes[..cut]]).expect("well formed").len(), 1);
        assert!(decoder.is_mid_frame());
        assert!(frames(&mut decoder, [&bytes[cut..]]).expect("well formed").is_empty());
        assert!(!decoder.is_mid_frame());
    }
}

#[test]
fn bytes_that_were_not_read_yet_stay_when_more_arrive() {
    let bytes = call(b"payload");
    for cut in 1..bytes.len() {
        let mut decoder = agreed(true);
        decoder.push(Bytes::copy_from_slice(&bytes[..cut]));
        decoder.push(Bytes::copy_from_slice(&bytes[cut..])); // as while a connection pauses: nothing is read in between
        let frame = decoder.next_frame().expect("well formed").expect("it is whole");
        assert_eq!(frame.body, "payload", "{cut} bytes waited");
        assert!(!decoder.is_mid_frame() && !decoder.has_unread());
    }
}

#[test]
fn a_limit_that_is_lowered_in_the_middle_of_a_frame_passes_over_its_rest_alone() {
    let bytes = call(&[1; 900]);
    for cut in [HEADER, HEADER + 1, 500, bytes.len() - 1] {
        let mut decoder = agreed(true);
        assert!(frames(&mut decoder, [&bytes[..cut]]).expect("well formed so far").is_empty());
        decoder.agree(100, true, true);
        let rest = [&bytes[cut..], &call(b"next")].concat();
        let seen = frames(&mut decoder, [&rest[..]]).expect("well formed");
        let seen: Vec<_> = seen.iter().map(|frame| (frame.skipped, frame.body.len())).collect();
        assert_eq!(seen, [(Some(900), 0), (None, 4)], "cut at {cut}");
    }
}
