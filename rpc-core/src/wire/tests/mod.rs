//! Rules of the bytes, at their boundaries: frames in pieces, limits, and the bodies of control frames.

mod bodies;
mod limits;
mod metadata;
mod pieces;
mod room;

use crate::ids::MethodId;
use crate::wire::frame::{FrameDecoder, Header, Kind, append};

/// Returns the bytes of a CALL with this body.
pub(super) fn call(body: &[u8]) -> Vec<u8> {
    let header = Header { method: MethodId(9), millis: 5000, ..Header::for_call(Kind::Call, 3, 7) };
    let mut bytes = Vec::new();
    append(&mut bytes, &header, body, true);
    bytes
}

/// Returns a decoder of a session with checksums, with this limit of a body.
pub(super) fn agreed(limit: usize) -> FrameDecoder {
    let mut decoder = FrameDecoder::default();
    decoder.agree(limit, true, true);
    decoder
}
