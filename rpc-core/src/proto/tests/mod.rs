//! The parts that tests of both sides of the protocol share: a contract, frames as values, and a client joined to a server.

mod pair;
mod progress;
mod resume;

use std::time::Duration;

use bytes::Bytes;

use crate::contract::{Contract, Method};
use crate::proto::Request;
use crate::wire::frame::{Frame, FrameDecoder, Header, append, body_checksum};

/// Longest body that a test's decoder takes.
const LONGEST: usize = 1 << 24;

static METHODS: [Method; 6] = [
    Method::new("Work.plain", "fn plain(bytes: Vec<u8>) -> Vec<u8>"),
    Method::new("Work.read", "fn read(bytes: Vec<u8>) -> Vec<u8>").idempotent(),
    Method::new("Work.look", "fn look(bytes: Vec<u8>) -> Vec<u8>").with_context(),
    Method::new("Work.little", "fn little(bytes: Vec<u8>) -> Vec<u8>").max_cached_reply(8),
    Method::new("Work.much", "fn much(bytes: Vec<u8>) -> Vec<u8>").max_cached_reply(1 << 16),
    Method::new("Work.later", "fn later(bytes: Vec<u8>) -> Vec<u8>").later(),
];

/// The contract of client and server.
pub(super) static WORK: Contract = Contract::new("Work", &METHODS);

/// A method with the default policies.
pub(super) static PLAIN: &Method = &METHODS[0];
/// A method that is idempotent.
pub(super) static READ: &Method = &METHODS[1];
/// A method that takes a context.
pub(super) static LOOK: &Method = &METHODS[2];
/// A method whose replies are kept up to 8 bytes.
pub(super) static LITTLE: &Method = &METHODS[3];
/// A method whose replies are kept up to 64 KiB.
pub(super) static MUCH: &Method = &METHODS[4];

/// A method that replies later.
pub(super) static LATER: &Method = &METHODS[5];

/// A call of `method` with these arguments, which is not tried again by itself.
pub(super) fn request(method: &'static Method, body: &[u8], within: Duration) -> Request {
    let body_crc = body_checksum(body, true);
    Request {
        method,
        body: body.to_vec(),
        body_crc,
        metadata: 0,
        within,
        repeat: false,
        retry: false,
        fail_fast: false,
    }
}

/// The bytes of a frame.
pub(super) fn encoded(header: &Header, body: &[u8]) -> Bytes {
    let mut bytes = Vec::new();
    append(&mut bytes, header, body, true);
    Bytes::from(bytes)
}

/// The whole frames that `bytes` begin with.
pub(super) fn decoded(bytes: &[u8], checksum: bool) -> Vec<Frame> {
    let mut decoder = FrameDecoder::default();
    decoder.agree(LONGEST, false, checksum);
    decoder.push(Bytes::copy_from_slice(bytes));
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next_frame().expect("what is written are frames") {
        frames.push(frame);
    }
    frames
}

/// The frames of a stream, each in bytes of its own.
pub(super) fn cut(mut stream: &[u8]) -> Vec<Bytes> {
    let mut frames = Vec::new();
    while let Some(length) = stream.first_chunk() {
        let (frame, rest) = stream.split_at(4 + u32::from_le_bytes(*length) as usize);
        frames.push(Bytes::copy_from_slice(frame));
        stream = rest;
    }
    frames
}

/// A number of milliseconds.
pub(super) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A number of seconds.
pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
