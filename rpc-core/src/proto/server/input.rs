//! Layer 2: the input of a connection: what was read of it and not acted on, in a decoder that it has only while there is some.
//!
//! ```text
//! bytes were read --> the spare decoder, or a new one --> frames --> nothing is left: it is the spare one again
//!                                                           '------> a part of a frame is left: the connection keeps it
//! ```
//! As a rule all bytes are acted on at once: the connections of a loop take turns with one decoder, and an idle one has none.

use bytes::Bytes;

use crate::error::ProtocolError;
use crate::limits::MAX_GREETING;
use crate::wire::frame::{Frame, FrameDecoder};

/// The decoder that the next connection takes whose input is empty. It holds no bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct SpareDecoder(Option<Box<FrameDecoder>>);

/// The input of a connection. Its methods are those of its decoder; without one there are no bytes.
///
/// Invariant: it has a decoder while its connection has a `Begun`, so that the numbers of frames which a timer compares are those of
/// one decoder.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// The decoder, if it has one.
    decoder: Option<Box<FrameDecoder>>,
    /// The longest body that it takes now, if that is below the limit.
    room: u32,
    /// The number of bytes that it was given, modulo 2^32.
    arrived: u32,
}

impl Default for Input {
    fn default() -> Self {
        Input { decoder: None, room: u32::MAX, arrived: 0 }
    }
}

impl Input {
    /// Sets the limits that were agreed on, as [`FrameDecoder::agree`].
    pub(super) fn agree(&mut self, body: usize, skip: bool, checksum: bool) {
        if let Some(decoder) = &mut self.decoder {
            decoder.agree(body, skip, checksum);
        }
    }

    /// Sets the longest body that is taken now, as [`FrameDecoder::set_room`].
    pub(super) fn set_room(&mut self, room: usize) {
        self.room = u32::try_from(room).unwrap_or(u32::MAX);
        if let Some(decoder) = &mut self.decoder {
            decoder.set_room(room);
        }
    }

    /// Returns true if a body of so many bytes is taken, unless it is over the limit.
    #[inline]
    pub(super) fn has_room_for(&self, body: usize) -> bool {
        self.room as usize >= body
    }

    /// Returns the number of bytes that were read, modulo 2^32.
    #[inline]
    pub(super) fn arrived(&self) -> u32 {
        self.arrived
    }

    /// Returns true if whole frames may be waiting.
    #[inline]
    pub(super) fn has_unread(&self) -> bool {
        self.decoder.as_ref().is_some_and(|decoder| decoder.has_unread())
    }

    /// Returns true if a frame has begun and not ended.
    #[inline]
    pub(super) fn is_mid_frame(&self) -> bool {
        self.decoder.as_ref().is_some_and(|decoder| decoder.is_mid_frame())
    }

    /// Returns the number of the frame that has begun or comes next, and the number of bytes that were taken so far.
    pub(super) fn progress(&self) -> (u64, u64) {
        self.decoder.as_ref().map_or((0, 0), |decoder| decoder.progress())
    }

    /// Returns the room that is taken for a frame that has begun, in bytes.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.decoder.as_ref().map_or(0, |decoder| decoder.room())
    }

    /// Returns true if the unread bytes have `magic` where the body of their first frame begins.
    pub(super) fn has_in_place(&self, magic: &[u8]) -> bool {
        self.decoder.as_ref().is_some_and(|decoder| decoder.has_in_place(magic))
    }

    /// Returns all bytes that were not acted on.
    pub(super) fn into_rest(self) -> Bytes {
        self.decoder.map_or_else(Bytes::new, |decoder| decoder.into_rest())
    }

    /// Returns the next whole frame; `None` if more bytes are needed.
    #[inline] // once for each frame
    pub(super) fn next_frame(&mut self) -> Option<Result<Frame, ProtocolError>> {
        self.decoder.as_mut()?.next_frame().transpose()
    }

    /// Lends the room of a long frame that has begun, as [`FrameDecoder::lend_room`].
    #[inline]
    pub(super) fn lend_room(&mut self) -> Option<Vec<u8>> {
        self.decoder.as_mut()?.lend_room()
    }

    /// Takes the room back, as [`FrameDecoder::return_room`].
    pub(super) fn return_room(&mut self, room: Vec<u8>, count: usize) {
        if let Some(decoder) = &mut self.decoder {
            self.arrived = self.arrived.wrapping_add(count as u32); // more would count modulo 2^32 as well
            decoder.return_room(room, count);
        }
    }

    /// Returns true if it has a decoder.
    #[cfg(test)]
    pub(super) fn has_decoder(&self) -> bool {
        self.decoder.is_some()
    }

    /// Returns true if it holds nothing: neither bytes, nor room for them, nor a body that is to be skipped.
    #[inline]
    fn is_empty(&self) -> bool {
        !self.has_unread() && !self.is_mid_frame() && self.room() == 0
    }

    /// Takes bytes that were read. `agreed` has the limit of a body and if bodies have checksums, once a session stands.
    #[inline]
    pub(super) fn push(&mut self, chunk: Bytes, agreed: Option<(usize, bool)>, spare: &mut SpareDecoder) {
        if self.decoder.is_none() {
            let mut decoder = spare.0.take().unwrap_or_default();
            match agreed {
                Some((body, checksum)) => decoder.agree(body, true, checksum),
                None => decoder.agree(MAX_GREETING, false, true),
            }
            decoder.set_room(self.room as usize);
            self.decoder = Some(decoder);
        }
        self.arrived = self.arrived.wrapping_add(chunk.len() as u32); // longer chunks count modulo 2^32 as well
        if let Some(decoder) = &mut self.decoder {
            decoder.push(chunk);
        }
    }

    /// Gives the decoder back if the input is empty.
    #[inline]
    pub(super) fn give_back(&mut self, spare: &mut SpareDecoder) {
        if self.is_empty() {
            spare.0 = self.decoder.take().or(spare.0.take());
        }
    }
}
