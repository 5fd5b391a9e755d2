//! Exercise 1: frames as bytes, and frames out of a stream that arrives in pieces.
//!
//! Client and server talk over one TCP connection, which is a stream of bytes: it does not keep the borders between two
//! writes. So each message is sent as a frame, which says how long it is:
//!
//! ```text
//! bytes 0 to 3     the length of the body, as a `u32`, lowest byte first
//! bytes 4 to 11    the number of the call, as a `u64`, lowest byte first
//! bytes 12 ..      the body
//! ```
//!
//! Write three functions:
//! * `encode` returns the bytes of a frame.
//! * `push` takes the bytes that one read has returned. It may be a part of a frame, or several frames.
//! * `next` returns the next whole frame, and `None` if it has not arrived yet. A frame whose length is more than `MOST` is
//!   refused with `TooLong` as soon as its header is there: a client that lies must not fill the memory.
//!
//! The judge cuts streams of frames into pieces at random. `cargo run -p rpc-course -- check 1`

#[allow(unused_imports, reason = "the hole needs it")]
use rpc_course::frames::{Frame, Frames, MOST, TooLong};

/// The bytes that have arrived and are not taken yet.
#[derive(Default)]
pub struct Mine {
    bytes: Vec<u8>,
}

impl Frames for Mine {
    // ---- Your part begins here.
    fn encode(frame: &Frame) -> Vec<u8> {
        frame.body.clone()
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes = bytes.to_vec();
    }

    fn next(&mut self) -> Result<Option<Frame>, TooLong> {
        Ok(None)
    }
    // ---- Your part ends here.
}
