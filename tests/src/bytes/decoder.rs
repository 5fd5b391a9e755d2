//! The frame decoder: arbitrary chunks, checksums on and off, against a second decoder that reads all bytes at once.

use bytes::Bytes;
use rpc_core::error::ProtocolError;
use rpc_core::limits::{HEADER, SKIP_FACTOR};
use rpc_core::wire::frame::{Frame, FrameDecoder, Kind, body_checksum};

use super::input::Input;

/// Limits of a body that are agreed: nothing, less than a header, a few frames, the longest that an input can hold.
const LIMITS: [usize; 4] = [0, 16, 100, 4096];
/// The bytes of the length at the start of a frame.
const PREFIX: usize = 4;
/// The frame kinds that have no body (W7).
const BARE: [u8; 7] = [5, 6, 7, 8, 9, 11, 12];
/// Most chunks whose length an input says; the rest of the stream is one chunk.
const MOST_CUTS: usize = 15;

#[derive(Clone, Copy)]
struct Agreed {
    body: usize,
    skip: bool,
    checksum: bool,
}

/// An input is a byte of flags, the lengths of chunks, and a stream. A flag has the checksums of the stream corrected
/// first, since no mutation finds a CRC.
///
/// # Panics
/// Panics if the decoder panics, if it cuts other frames from chunks than the model from the whole stream, if it loses or
/// invents a byte, or holds bytes that it said it has read.
pub fn decoder(data: &[u8]) {
    let mut input = Input::new(data);
    let flags = input.u8();
    let agreed =
        Agreed { body: LIMITS[usize::from(flags & 3)], skip: flags & 4 != 0, checksum: flags & 8 != 0 };
    let cuts = usize::from(input.below(MOST_CUTS as u8 + 1));
    let cuts = input.take(cuts);
    let mut stream = input.rest().to_vec();
    if flags & 16 != 0 {
        correct_checksums(&mut stream);
    }
    let mut decoder =
        if flags & 32 != 0 { FrameDecoder::keeping_room(agreed.body) } else { FrameDecoder::default() };
    decoder.agree(agreed.body, agreed.skip, agreed.checksum);
    let handed_over = (flags & 64 != 0).then_some(agreed);
    let (frames, ending) = in_chunks(&mut decoder, &stream, cuts, handed_over);
    let (expected, expected_ending) = model(&stream, agreed);
    assert_eq!(ending, expected_ending, "the end of the stream");
    assert_eq!(frames.len(), expected.len(), "the number of frames");
    let mut consumed = 0;
    for (frame, at) in frames.iter().zip(&expected) {
        same(frame, &stream[at.start..at.end.min(stream.len())], at.skipped, agreed.checksum);
        consumed = at.end;
    }
    if ending.is_none() {
        assert!(!decoder.has_unread(), "bytes wait although no frame is whole");
        let rest = stream.get(consumed..).unwrap_or_default();
        assert_eq!(decoder.is_mid_frame(), consumed != stream.len(), "a frame has begun and not ended");
        assert_eq!(decoder.into_rest(), rest, "bytes that were handed in and not returned");
    }
}

fn in_chunks(
    decoder: &mut FrameDecoder,
    stream: &[u8],
    cuts: &[u8],
    handed_over: Option<Agreed>,
) -> (Vec<Frame>, Option<ProtocolError>) {
    let mut frames = Vec::new();
    let mut rest = Input::new(stream);
    let mut cuts = cuts.iter();
    while !rest.is_empty() {
        let chunk = match cuts.next() {
            Some(length) => rest.take(usize::from(*length)),
            None => rest.rest(),
        };
        decoder.push(Bytes::copy_from_slice(chunk));
        if cuts.len() % 4 == 3 && !rest.is_empty() {
            continue; // two chunks are handed in before the decoder is asked
        }
        loop {
            match decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    // A connection that goes to another loop takes what was read and not returned with it.
                    if let Some(agreed) = handed_over.filter(|_| frame.skipped.is_none()) {
                        let rest = std::mem::take(decoder).into_rest();
                        decoder.agree(agreed.body, agreed.skip, agreed.checksum);
                        decoder.push(rest);
                    }
                    frames.push(frame);
                }
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// A frame that the model found: its place in the stream, and the length of its body if it is skipped. The end of a
/// skipped body may lie behind the end of the stream.
struct Found {
    start: usize,
    end: usize,
    skipped: Option<usize>,
}

/// Cuts the whole stream as `docs/wire.md` says (W3 to W7), without state.
fn model(stream: &[u8], agreed: Agreed) -> (Vec<Found>, Option<ProtocolError>) {
    let mut found = Vec::new();
    let mut start = 0;
    while start + PREFIX <= stream.len() {
        let rest = &stream[start..];
        let length = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        let body = (PREFIX + length).checked_sub(HEADER);
        let short = ProtocolError::ShortFrame(length);
        let long = ProtocolError::LongFrame { got: body.unwrap_or(0), limit: agreed.body };
        if !agreed.skip && body.is_none_or(|body| body > agreed.body) {
            return (found, Some(if body.is_none() { short } else { long })); // by its four bytes
        }
        if rest.len() < HEADER {
            break;
        }
        if body_checksum(&rest[..32], true).to_le_bytes() != rest[32..36] {
            return (found, Some(ProtocolError::HeaderChecksum));
        }
        let Some(body) = body else { return (found, Some(short)) };
        let kind = rest[4];
        if !(Kind::Hello as u8..=Kind::Reject as u8).contains(&kind) {
            return (found, Some(ProtocolError::UnknownKind(kind)));
        }
        if BARE.contains(&kind) && body > 0 {
            return (found, Some(ProtocolError::BadBody(name(kind))));
        }
        if body > agreed.body * SKIP_FACTOR {
            return (found, Some(long));
        }
        let end = start + HEADER + body;
        if body > agreed.body {
            if kind != Kind::Call as u8 && kind != Kind::Reply as u8 {
                return (found, Some(long));
            }
            found.push(Found { start, end, skipped: Some(body) });
            if end > stream.len() {
                return (found, None);
            }
        } else {
            if end > stream.len() {
                break;
            }
            let crc = body_checksum(&stream[start + HEADER..end], true);
            if agreed.checksum && crc.to_le_bytes() != rest[28..32] {
                return (found, Some(ProtocolError::BodyChecksum));
            }
            found.push(Found { start, end, skipped: None });
        }
        start = end;
    }
    (found, None)
}

fn name(kind: u8) -> &'static str {
    const NAMES: [(Kind, &str); 7] = [
        (Kind::Cancel, "CANCEL"),
        (Kind::Ack, "ACK"),
        (Kind::Ping, "PING"),
        (Kind::Pong, "PONG"),
        (Kind::GoAway, "GOAWAY"),
        (Kind::Busy, "BUSY"),
        (Kind::Bye, "BYE"),
    ];
    NAMES.iter().find(|(known, _)| *known as u8 == kind).map_or("", |(_, name)| name)
}

/// A frame says what the bytes say: encoded again it is the same bytes.
fn same(frame: &Frame, bytes: &[u8], skipped: Option<usize>, checksum: bool) {
    assert_eq!(frame.skipped, skipped, "a skipped body");
    let length = skipped.unwrap_or(frame.body.len());
    let shown = u32::from_le_bytes([bytes[28], bytes[29], bytes[30], bytes[31]]);
    assert_eq!(frame.body_crc, if checksum { shown } else { 0 }, "without checksums it counts as 0");
    assert_eq!(frame.header.encode(length, shown), bytes[..HEADER], "the header");
    if skipped.is_none() {
        assert_eq!(frame.body, bytes[HEADER..], "the body");
    } else {
        assert!(frame.body.is_empty(), "a skipped body is not kept");
    }
}

/// Writes the checksums that the frames of a stream should have, as far as their lengths lead.
fn correct_checksums(stream: &mut [u8]) {
    let mut rest = stream;
    while rest.len() >= HEADER {
        let length = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        let total = length.saturating_add(PREFIX).clamp(HEADER, rest.len());
        let crc = body_checksum(&rest[HEADER..total], true).to_le_bytes();
        rest[28..32].copy_from_slice(&crc);
        let crc = body_checksum(&rest[..32], true).to_le_bytes();
        rest[32..36].copy_from_slice(&crc);
        rest = &mut rest[total..];
    }
}
