//! Cuts one direction of a connection into frames, with bounded memory: of a long frame only the beginning is kept.

use rpc_core::limits::HEADER;

use crate::header::{Head, WholeBody};

/// Bytes of a frame that are kept unless another number is asked for: what fits on some screens.
pub const MOST_KEPT: usize = 16 << 10;

/// One direction of a connection.
#[derive(Debug)]
pub(crate) struct Cutter {
    /// The beginning of the frame that has begun.
    kept: Vec<u8>,
    /// The bytes of it that have come.
    come: usize,
    /// The checksum of the bytes of its body so far.
    crc: u32,
    /// The length of its body, once its header is here.
    body: Option<usize>,
    /// True once the bytes are no frames: where the next one begins cannot be known.
    pub(crate) lost: bool,
    /// Most bytes of a frame that are kept.
    most: usize,
}

/// A piece of a stream.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Its bytes, or the first of them.
    pub(crate) bytes: Vec<u8>,
    /// The length and the checksum of its body.
    pub(crate) body: WholeBody,
}

impl Cutter {
    /// Keeps at most so many bytes of a frame, and at least its header.
    pub(crate) fn new(most: usize) -> Cutter {
        Cutter { kept: Vec::new(), come: 0, crc: 0, body: None, lost: false, most: most.max(HEADER) }
    }

    /// Takes bytes off the front of `bytes`, up to the end of a frame. Returns the frame if it is whole, or bytes that are none.
    pub(crate) fn push(&mut self, bytes: &mut &[u8]) -> Option<Piece> {
        if self.lost {
            *bytes = &[];
            return None;
        }
        if self.come < HEADER {
            self.keep(bytes, HEADER - self.come);
            if self.come < HEADER {
                return None;
            }
            let head = Head::of(&self.kept);
            self.body = head.body_length().filter(|_| head.is_checked(&self.kept));
            if self.body.is_none() {
                // The bytes behind it are shown as well, as far as they are here.
                let room = self.most.saturating_sub(self.come);
                self.keep(bytes, room);
                self.lost = true;
                return self.end();
            }
        }
        let whole = HEADER.saturating_add(self.body.unwrap_or_default());
        self.keep(bytes, whole - self.come);
        if self.come < whole { None } else { self.end() }
    }

    /// Ends the stream, or the frame. Returns what has begun, if anything has.
    pub(crate) fn end(&mut self) -> Option<Piece> {
        let body = WholeBody { length: self.come.saturating_sub(HEADER), crc: self.crc };
        (self.come, self.crc, self.body) = (0, 0, None);
        let bytes = std::mem::take(&mut self.kept);
        (!bytes.is_empty()).then_some(Piece { bytes, body })
    }

    /// Takes so many bytes at most, and keeps those for which there is room.
    fn keep(&mut self, bytes: &mut &[u8], most: usize) {
        let (taken, rest) = bytes.split_at_checked(most).unwrap_or((*bytes, &[]));
        let room = self.most.saturating_sub(self.kept.len()).min(taken.len());
        self.kept.extend_from_slice(taken.get(..room).unwrap_or_default());
        if self.come >= HEADER {
            self.crc = crc32c::crc32c_append(self.crc, taken);
        }
        self.come = self.come.saturating_add(taken.len());
        *bytes = rest;
    }
}
