//! Layer 1: cuts frames from a stream of bytes that arrives in pieces of any size. Rules W3 to W5 of `docs/wire.md`.

use bytes::{Buf, Bytes, BytesMut};

use super::checksum::crc32c;
use super::frame::{Frame, Kind, PREFIX, RawHeader, decode_header};
use crate::error::ProtocolError;
use crate::limits::{HEADER, MAX_GREETING, ROOM_STEP, SKIP_FACTOR};

mod room;
#[cfg(test)]
mod tests;

/// Cuts frames from a stream of bytes that arrives in pieces of any size.
///
/// Invariant: `held` is empty, or begins at the start of a frame that is not whole. `chunk` is empty after
/// [`FrameDecoder::next_frame`] returned `None`.
#[derive(Clone, Debug, Default)]
pub struct FrameDecoder {
    /// The bytes that were read last and not yet looked at.
    chunk: Bytes,
    /// The beginning of a frame that is not whole.
    held: BytesMut,
    /// Bytes of an over-limit body that are still to be skipped.
    skip: usize,
    /// The number of frames that have ended, bodies that were skipped included.
    ended: u64,
    /// The number of bytes that were taken.
    arrived: u64,
    /// The limits that were agreed on.
    limits: Limits,
    /// The longest frame whose room is kept for the next one, in bytes.
    room_kept: usize,
}

/// The limits of the frames that a decoder accepts.
#[derive(Clone, Debug)]
struct Limits {
    /// The longest body, in bytes.
    body: usize,
    /// The longest body that is taken now: that of a longer CALL is skipped as well. At most `body`.
    room: usize,
    /// True once a session stands: a length is judged only after the checksum of its header, and the body of an over-limit
    /// CALL or REPLY is skipped, so that its connection lives.
    skip: bool,
    /// True if bodies have checksums.
    checksum: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { body: MAX_GREETING, room: MAX_GREETING, skip: false, checksum: true }
    }
}

impl FrameDecoder {
    /// A decoder that keeps the room of a long frame for the next one, up to `most` bytes.
    ///
    /// It is meant for a process with few connections: fresh room for a megabyte costs 256 page faults, which is more than
    /// all copies of it together.
    pub fn keeping_room(most: usize) -> Self {
        FrameDecoder { room_kept: most, ..FrameDecoder::default() }
    }

    /// Sets the limits that were agreed on: the longest body, if over-limit calls and replies are skipped, and if bodies have
    /// checksums.
    pub fn agree(&mut self, body: usize, skip: bool, checksum: bool) {
        self.limits = Limits { body, room: body, skip, checksum };
    }

    /// Sets the longest body that is taken now. The body of a longer CALL that begins is skipped, so that it takes no memory. One
    /// that has begun goes on.
    pub fn set_room(&mut self, room: usize) {
        self.limits.room = room.min(self.limits.body);
    }

    /// Returns true if every body is taken that is not over the limit.
    pub fn has_all_room(&self) -> bool {
        self.limits.room == self.limits.body
    }

    /// Takes bytes that were read.
    pub fn push(&mut self, chunk: Bytes) {
        self.arrived += chunk.len() as u64;
        if self.chunk.is_empty() {
            self.chunk = chunk;
        } else {
            let mut joined = BytesMut::with_capacity(self.chunk.len() + chunk.len());
            joined.extend_from_slice(&self.chunk);
            joined.extend_from_slice(&chunk);
            self.chunk = joined.freeze();
        }
    }

    /// Returns true if whole frames may be waiting: then there is no need to read more.
    pub fn has_unread(&self) -> bool {
        !self.chunk.is_empty()
    }

    /// Returns true if a frame has begun and not ended.
    pub fn is_mid_frame(&self) -> bool {
        !self.held.is_empty() || self.skip > 0
    }

    /// Returns the number of the frame that has begun or comes next, and the number of bytes that were taken so far.
    pub fn progress(&self) -> (u64, u64) {
        (self.ended, self.arrived)
    }

    /// Returns the room that is taken for a frame that has begun, in bytes.
    pub fn room(&self) -> usize {
        self.held.capacity()
    }

    /// Returns true if the unread bytes have `magic` where the body of their first frame begins: then they are this
    /// protocol, with a mistake in the header.
    pub fn has_in_place(&self, magic: &[u8]) -> bool {
        let mut bytes = self.held.iter().chain(&self.chunk).skip(HEADER);
        magic.iter().all(|byte| bytes.next() == Some(byte))
    }

    /// Returns all bytes that were taken and not yet returned in a frame, for a connection that is handed over.
    pub fn into_rest(self) -> Bytes {
        let mut rest = self.held;
        rest.extend_from_slice(&self.chunk);
        rest.freeze()
    }

    /// Returns the next whole frame; `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`ProtocolError`] if the bytes are not a frame, or the frame is too long. The stream cannot be read any further.
    #[inline(always)] // once for each frame, which is made where its reader wants it
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        if self.skip > 0 {
            self.skip_some();
        }
        let frame = if self.held.is_empty() { self.cut_from_chunk() } else { self.cut_from_held() };
        // A frame whose body is skipped ends with the body.
        if matches!(&frame, Ok(Some(_))) && self.skip == 0 {
            self.ended += 1;
        }
        frame
    }

    /// The common case: a frame that is whole in the bytes that were read last is a counted slice of them, not a copy.
    #[inline(always)]
    fn cut_from_chunk(&mut self) -> Result<Option<Frame>, ProtocolError> {
        if let Some(raw) = self.header_of(&self.chunk)? {
            if raw.body_len > self.limits.room {
                return self.begin_skip(raw);
            }
            let total = HEADER + raw.body_len;
            if self.chunk.len() >= total {
                let mut body = self.chunk.split_to(total);
                body.advance(HEADER);
                return self.finish(raw, body).map(Some);
            }
        }
        self.hold();
        Ok(None)
    }

    /// Completes the frame that began in `held`: first its header, then the rest.
    #[inline(never)] // so that it does not lengthen the common case
    fn cut_from_held(&mut self) -> Result<Option<Frame>, ProtocolError> {
        // A body is judged once, when its header is whole: one that was taken goes on, whatever room there is later.
        let room = if self.held.len() < HEADER { self.limits.room } else { self.limits.body };
        self.fill(HEADER);
        let Some(raw) = self.header_of(&self.held)? else { return Ok(None) };
        if raw.body_len > room {
            let overlap = self.held.split_off(HEADER); // bytes of the body that have arrived
            self.held.clear();
            self.skip = raw.body_len - overlap.len().min(raw.body_len);
            return self.skipped(raw);
        }
        let total = HEADER + raw.body_len;
        self.fill(total);
        if self.held.len() < total {
            return Ok(None);
        }
        // The part that is split off shares its room with `held`. `held` takes the room again for the next long frame if
        // this one was dropped by then. A `held` that is taken begins with fresh pages: that is slow, but an idle
        // connection holds none.
        let whole = if total <= self.room_kept { self.held.split() } else { std::mem::take(&mut self.held) };
        let mut body = whole.freeze();
        body.advance(HEADER);
        self.finish(raw, body).map(Some)
    }

    /// Moves bytes from `chunk` to `held` until `held` has `want`.
    fn fill(&mut self, want: usize) {
        let missing = want.saturating_sub(self.held.len()).min(self.chunk.len());
        if missing == 0 {
            return;
        }
        let arrived = self.held.len() + missing;
        if self.held.capacity() < arrived {
            // Room grows with the bytes that arrived, not with the length that was claimed.
            self.grow(want.min((2 * arrived).max(ROOM_STEP)));
        }
        self.held.extend_from_slice(&self.chunk.split_to(missing));
    }

    /// Makes room for exactly `room` bytes: `BytesMut::reserve` may take twice as many. A long one is moved by the kernel,
    /// which copies nothing.
    fn grow(&mut self, room: usize) {
        let mut bytes = Vec::from(std::mem::take(&mut self.held));
        bytes.reserve_exact(room.saturating_sub(bytes.len()));
        self.held = BytesMut::from(Bytes::from(bytes));
    }

    #[inline(never)]
    fn hold(&mut self) {
        if !self.chunk.is_empty() {
            self.held.extend_from_slice(&self.chunk);
            self.chunk = Bytes::new(); // releases the read buffer
        }
    }

    /// Reads the header that `bytes` begin with. `None` if it is not whole.
    ///
    /// Once a session stands, a length counts only after the header's checksum: one changed bit in it is a corrupt stream,
    /// and not a peer that sends too much. Before that, an absurd length is refused at once, so that a peer of another
    /// protocol gets its answer although it sends no 36 bytes.
    #[inline(always)]
    fn header_of(&self, bytes: &[u8]) -> Result<Option<RawHeader>, ProtocolError> {
        if !self.limits.skip {
            self.judge_prefix(bytes)?;
        }
        if bytes.len() < HEADER {
            return Ok(None);
        }
        let raw = decode_header(bytes)?;
        self.check_length(raw.body_len)?;
        Ok(Some(raw))
    }

    /// Refuses a length that no frame may have, by its four bytes alone.
    #[cold]
    fn judge_prefix(&self, bytes: &[u8]) -> Result<(), ProtocolError> {
        let Some(prefix) = bytes.first_chunk::<PREFIX>() else { return Ok(()) };
        let length = u32::from_le_bytes(*prefix) as usize;
        self.check_length(length.checked_sub(HEADER - PREFIX).ok_or(ProtocolError::ShortFrame(length))?)
    }

    /// Refuses a body that is too long to be read or skipped.
    #[inline]
    fn check_length(&self, body: usize) -> Result<(), ProtocolError> {
        let most = if self.limits.skip { self.limits.body * SKIP_FACTOR } else { self.limits.body };
        if body > most {
            return Err(ProtocolError::LongFrame { got: body, limit: self.limits.body });
        }
        Ok(())
    }

    #[cold]
    fn begin_skip(&mut self, raw: RawHeader) -> Result<Option<Frame>, ProtocolError> {
        self.chunk.advance(HEADER);
        self.skip = raw.body_len;
        self.skip_some();
        self.skipped(raw)
    }

    fn skipped(&self, raw: RawHeader) -> Result<Option<Frame>, ProtocolError> {
        if !matches!(raw.header.kind, Kind::Call | Kind::Reply) {
            return Err(ProtocolError::LongFrame { got: raw.body_len, limit: self.limits.body });
        }
        Ok(Some(Frame {
            header: raw.header,
            body_crc: self.crc_of(&raw),
            body: Bytes::new(),
            skipped: Some(raw.body_len),
        }))
    }

    fn skip_some(&mut self) {
        let now = self.skip.min(self.chunk.len());
        if now > 0 {
            self.chunk.advance(now);
            self.skip -= now;
            self.ended += u64::from(self.skip == 0);
        }
    }

    #[inline(always)]
    fn finish(&self, raw: RawHeader, body: Bytes) -> Result<Frame, ProtocolError> {
        if self.limits.checksum && crc32c(&body) != raw.body_crc {
            return Err(ProtocolError::BodyChecksum);
        }
        Ok(Frame { header: raw.header, body_crc: self.crc_of(&raw), body, skipped: None })
    }

    /// Returns the checksum that counts for a body: without checksums it is 0, whatever was sent (W5).
    fn crc_of(&self, raw: &RawHeader) -> u32 {
        if self.limits.checksum { raw.body_crc } else { 0 }
    }
}
