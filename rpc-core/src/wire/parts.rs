//! Layer 1: the fields of a frame, each with its place, its name and its value, for a reader. The decoder judges the whole.

use std::ops::Range;

use bytes::Bytes;

use super::frame::{Frame, FrameDecoder};
use crate::error::ProtocolError;
use crate::limits::{HEADER, ServerLimits};

/// The fields of a header in their order (W3), with their lengths in bytes.
const FIELDS: [(&str, usize); 9] = [
    ("length", 4),
    ("kind", 1),
    ("code", 1),
    ("slot", 2),
    ("seq", 8),
    ("method", 8),
    ("millis", 4),
    ("body crc", 4),
    ("header crc", 4),
];

/// A field of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name, as in the picture of a frame in `docs/wire.md`; `body` for what follows the header.
    pub name: &'static str,
    /// Its bytes in the frame.
    pub at: Range<usize>,
    /// Its value as a number, of a field of the header.
    pub value: Option<u64>,
}

/// Returns the fields of the frame that these bytes begin with, as far as there are bytes.
pub fn parts(bytes: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut begin = 0;
    for (name, length) in FIELDS {
        let at = begin..begin + length;
        let Some(field) = bytes.get(at.clone()) else { return parts };
        let value = field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        begin = at.end;
        parts.push(Part { name, at, value: Some(value) });
    }
    if bytes.len() > HEADER {
        parts.push(Part { name: "body", at: HEADER..bytes.len(), value: None });
    }
    parts
}

/// Reads one whole frame as a side of a session does whose bodies have checksums.
///
/// # Errors
/// [`ProtocolError`] says why the bytes are not a frame. `None`: there are too few.
pub fn judge(bytes: Bytes) -> Result<Option<Frame>, ProtocolError> {
    let mut decoder = FrameDecoder::default();
    decoder.agree(ServerLimits::default().max_frame, true, true);
    decoder.push(bytes);
    decoder.next_frame()
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Header, Kind, append, decode_header};
    use super::*;
    use crate::ids::MethodId;

    fn frame() -> Vec<u8> {
        let mut bytes = Vec::new();
        let header = Header { method: MethodId(9), millis: 5, ..Header::for_call(Kind::Call, 3, 7) };
        append(&mut bytes, &header, b"body", true);
        bytes
    }

    /// The fields that the decoder reads, in the order of [`FIELDS`], without the header's checksum.
    fn decoded(bytes: &[u8]) -> Vec<u64> {
        let raw = decode_header(bytes).expect("a header");
        let header = raw.header;
        vec![
            (raw.body_len + HEADER - 4) as u64,
            header.kind as u64,
            u64::from(header.code),
            u64::from(header.slot),
            header.seq,
            header.method.0,
            u64::from(header.millis),
            u64::from(raw.body_crc),
        ]
    }

    #[test]
    fn the_parts_of_a_frame_cover_each_byte_once() {
        let bytes = frame();
        let covered: Vec<usize> = parts(&bytes).into_iter().flat_map(|part| part.at).collect();
        assert_eq!(covered, (0..bytes.len()).collect::<Vec<_>>());
    }

    #[test]
    fn each_part_is_the_field_that_the_decoder_reads_there() {
        for (index, part) in parts(&frame()).into_iter().take(8).enumerate() {
            for at in part.at.clone() {
                let mut bytes = frame();
                bytes[at] ^= 1;
                let checksum = crc32c::crc32c(&bytes[..32]);
                bytes[32..36].copy_from_slice(&checksum.to_le_bytes());
                let differ =
                    decoded(&frame()).iter().zip(decoded(&bytes)).map(|(a, b)| *a != b).collect::<Vec<_>>();
                let expected: Vec<bool> = (0..8).map(|field| field == index).collect();
                assert_eq!(differ, expected, "byte {at} belongs to {}", part.name);
                let shown: Vec<u64> = parts(&bytes).iter().take(8).filter_map(|part| part.value).collect();
                assert_eq!(shown, decoded(&bytes));
            }
        }
    }

    #[test]
    fn w5_a_changed_byte_is_refused_wherever_it_is() {
        assert!(judge(frame().into()).expect("a frame").is_some());
        for at in 0..frame().len() {
            let mut bytes = frame();
            bytes[at] ^= 0x10;
            assert!(judge(bytes.into()).is_err(), "byte {at}");
        }
    }
}
