//! Layer 1: cuts frames from a stream of bytes that arrives in pieces of any size. Rules W3 to W5 of `docs/wire.md`.

use bytes::{Bytes, BytesMut};

use super::frame::{Frame, Kind, PREFIX, RawHeader, decode_header};
use crate::error::ProtocolError;
use crate::limits::{HEADER, MAX_GREETING, ROOM_STEP, SKIP_FACTOR};

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
    /// True if the body of an over-limit CALL or REPLY is skipped, so that its connection lives.
    skip: bool,
    /// True if bodies have checksums.
    checksum: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { body: MAX_GREETING, skip: false, checksum: true }
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
        self.limits = Limits { body, skip, checksum };
    }

    /// Takes bytes that were read.
    pub fn push(&mut self, chunk: Bytes) {
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
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        self.skip_some();
        if self.held.is_empty() { self.cut_from_chunk() } else { self.cut_from_held() }
    }

    /// The common case: a frame that is whole in the bytes that were read last is a counted slice of them, not a copy.
    fn cut_from_chunk(&mut self) -> Result<Option<Frame>, ProtocolError> {
        let Some(total) = self.total_of(&self.chunk)? else {
            self.hold();
            return Ok(None);
        };
        if self.chunk.len() >= HEADER {
            let raw = decode_header(&self.chunk)?;
            if raw.body_len > self.limits.body {
                return self.begin_skip(raw);
            }
            if self.chunk.len() >= total {
                let mut body = self.chunk.split_to(total);
                let _ = body.split_to(HEADER);
                return self.finish(raw, body).map(Some);
            }
        }
        self.hold();
        Ok(None)
    }

    /// Completes the frame that began in `held`: first its header, then the rest.
    fn cut_from_held(&mut self) -> Result<Option<Frame>, ProtocolError> {
        self.fill(PREFIX);
        let Some(total) = self.total_of(&self.held)? else { return Ok(None) };
        self.fill(HEADER);
        if self.held.len() < HEADER {
            return Ok(None);
        }
        let raw = decode_header(&self.held)?;
        if raw.body_len > self.limits.body {
            let overlap = self.held.split_off(HEADER); // bytes of the body that have arrived
            self.held.clear();
            self.skip = raw.body_len - overlap.len().min(raw.body_len);
            return self.skipped(raw);
        }
        self.fill(total);
        if self.held.len() < total {
            return Ok(None);
        }
        // The part that is split off shares its room with `held`. `held` takes the room again for the next long frame if
        // this one was dropped by then. A `held` that is taken begins with fresh pages: that is slow, but an idle
        // connection holds none.
        let whole = if total <= self.room_kept { self.held.split() } else { std::mem::take(&mut self.held) };
        let mut body = whole.freeze();
        let _ = body.split_to(HEADER);
        self.finish(raw, body).map(Some)
    }

    /// Moves bytes from `chunk` to `held` until `held` has `want`.
    fn fill(&mut self, want: usize) {
        let missing = want.saturating_sub(self.held.len()).min(self.chunk.len());
        if missing == 0 {
            return;
        }
        // Room grows with the bytes that arrived, not with the length that was claimed: the full length is reserved only
        // after a part of the frame has arrived that cost its sender as much as a hundred calls.
        let has_sent = self.held.len() + missing >= ROOM_STEP;
        let room = if has_sent { want } else { want.min(2 * ROOM_STEP) };
        self.held.reserve(room.saturating_sub(self.held.len()));
        self.held.extend_from_slice(&self.chunk.split_to(missing));
    }

    fn hold(&mut self) {
        if !self.chunk.is_empty() {
            self.held.extend_from_slice(&self.chunk);
            self.chunk = Bytes::new(); // releases the read buffer
        }
    }

    /// Returns the length of the frame that `bytes` begin with, prefix included. An absurd length is refused at once.
    fn total_of(&self, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let Some(prefix) = bytes.first_chunk::<PREFIX>() else { return Ok(None) };
        let length = u32::from_le_bytes(*prefix) as usize;
        let Some(body) = length.checked_sub(HEADER - PREFIX) else {
            return Err(ProtocolError::ShortFrame(length));
        };
        let most = if self.limits.skip { self.limits.body * SKIP_FACTOR } else { self.limits.body };
        if body > most {
            return Err(ProtocolError::LongFrame { got: body, limit: self.limits.body });
        }
        Ok(Some(PREFIX + length))
    }

    fn begin_skip(&mut self, raw: RawHeader) -> Result<Option<Frame>, ProtocolError> {
        let _ = self.chunk.split_to(HEADER);
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
            body_crc: raw.body_crc,
            body: Bytes::new(),
            skipped: Some(raw.body_len),
        }))
    }

    fn skip_some(&mut self) {
        let now = self.skip.min(self.chunk.len());
        let _ = self.chunk.split_to(now);
        self.skip -= now;
    }

    fn finish(&self, raw: RawHeader, body: Bytes) -> Result<Frame, ProtocolError> {
        if self.limits.checksum && crc32c::crc32c(&body) != raw.body_crc {
            return Err(ProtocolError::BodyChecksum);
        }
        Ok(Frame { header: raw.header, body_crc: raw.body_crc, body, skipped: None })
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Header, append};
    use super::*;
    use crate::ids::MethodId;

    fn call(body: &[u8]) -> Vec<u8> {
        let header = Header { method: MethodId(9), millis: 5000, ..Header::for_call(Kind::Call, 3, 7) };
        let mut bytes = Vec::new();
        append(&mut bytes, &header, body, true);
        bytes
    }

    fn agreed(limit: usize) -> FrameDecoder {
        let mut decoder = FrameDecoder::default();
        decoder.agree(limit, true, true);
        decoder
    }

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
    fn one_byte_at_a_time_is_enough() {
        let mut decoder = agreed(1000);
        let mut frames = 0;
        for byte in call(b"abc").into_iter().chain(call(b"def")) {
            decoder.push(Bytes::copy_from_slice(&[byte]));
            frames += usize::from(decoder.next_frame().expect("well formed").is_some());
        }
        assert_eq!(frames, 2);
    }

    #[test]
    fn every_changed_bit_is_found() {
        let good = call(b"payload");
        for at in 4..good.len() {
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
    fn an_absurd_length_is_refused_from_its_four_bytes() {
        let mut decoder = agreed(1000);
        decoder.push(Bytes::from_static(&[0xff; 4]));
        assert!(matches!(decoder.next_frame(), Err(ProtocolError::LongFrame { .. })));
        let mut decoder = agreed(1000);
        decoder.push(Bytes::from_static(&[31, 0, 0, 0]));
        assert_eq!(decoder.next_frame().err(), Some(ProtocolError::ShortFrame(31)));
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
        let mut keeping =
            FrameDecoder { limits: agreed(4 << 20).limits, ..FrameDecoder::keeping_room(1 << 20) };
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

    #[test]
    fn a_claimed_length_reserves_little() {
        let mut decoder = agreed(4 << 20);
        decoder.push(Bytes::from(call(&vec![0; 4 << 20])[..HEADER + 1].to_vec()));
        assert!(decoder.next_frame().expect("not yet whole").is_none());
        decoder.push(Bytes::from_static(&[0]));
        assert!(decoder.next_frame().expect("not yet whole").is_none());
        assert_eq!(decoder.held.capacity(), 2 * ROOM_STEP, "a frame that is shorter is not moved");
        decoder.push(Bytes::from(vec![0; ROOM_STEP - HEADER - 3]));
        assert!(decoder.next_frame().expect("not yet whole").is_none());
        assert_eq!(decoder.held.capacity(), 2 * ROOM_STEP, "one byte less than a step has arrived");
        decoder.push(Bytes::from_static(&[0]));
        assert!(decoder.next_frame().expect("not yet whole").is_none());
        assert!(decoder.held.capacity() >= 4 << 20, "then the whole frame has room");
    }
}
