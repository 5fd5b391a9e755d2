//! Layer 1: the room of a long frame that has begun is lent to the driver, which reads the rest of the frame into it: its bytes are
//! not copied once more.

use bytes::{Bytes, BytesMut};

use super::FrameDecoder;
use crate::limits::{HEADER, READ_LEAST, ROOM_STEP};
use crate::wire::frame::PREFIX;

impl FrameDecoder {
    /// Lends the room of the frame that has begun, with all of it that has arrived. `None` if no frame has begun, or little of it is
    /// missing: then a read into another buffer may bring the frames behind it as well.
    ///
    /// Until the room is returned nothing else may be pushed.
    pub fn lend_room(&mut self) -> Option<Vec<u8>> {
        let whole = self.whole().filter(|whole| *whole >= self.held.len() + READ_LEAST)?;
        // It grows with the bytes that have arrived, as everywhere.
        let room = whole.min((2 * self.held.len()).max(ROOM_STEP));
        if self.held.capacity() < room {
            self.grow(room);
        }
        Some(Vec::from(std::mem::take(&mut self.held)))
    }

    /// Takes the room back, to which `count` bytes were appended.
    pub fn return_room(&mut self, room: Vec<u8>, count: usize) {
        debug_assert!(self.held.is_empty() && self.chunk.is_empty(), "nothing was pushed meanwhile");
        self.arrived += count as u64;
        self.held = BytesMut::from(Bytes::from(room));
        // Room that was kept from a longer frame may have taken the begin of the next one.
        if let Some(whole) = self.whole().filter(|whole| *whole < self.held.len()) {
            self.chunk = self.held.split_off(whole).freeze();
        }
    }

    /// Returns the length of the frame that has begun, if its header has arrived and was checked.
    fn whole(&self) -> Option<usize> {
        let is_known = self.held.len() >= HEADER && self.chunk.is_empty();
        let prefix = self.held.first_chunk::<PREFIX>().filter(|_| is_known)?;
        Some(PREFIX + u32::from_le_bytes(*prefix) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::CLIENT_BUFFER_KEPT;
    use crate::wire::tests::call;

    /// Reads a stream as a driver does, at most `piece` bytes at a time. Returns the bodies of its frames, and the number of bytes
    /// that were read into a room.
    fn read(decoder: &mut FrameDecoder, mut stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, usize) {
        decoder.agree(1 << 20, true, true);
        let (mut bodies, mut lent) = (Vec::new(), 0);
        while !stream.is_empty() {
            let room = decoder.lend_room();
            let most = room.as_ref().map_or(64 << 10, |room| room.capacity() - room.len());
            let (now, later) = stream.split_at(stream.len().min(piece).min(most));
            stream = later;
            match room {
                Some(mut room) => {
                    room.extend_from_slice(now);
                    lent += now.len();
                    decoder.return_room(room, now.len());
                }
                None => decoder.push(Bytes::copy_from_slice(now)),
            }
            while let Some(frame) = decoder.next_frame().expect("well formed") {
                bodies.push(frame.body.to_vec());
            }
        }
        assert!(!decoder.is_mid_frame() && !decoder.has_unread());
        (bodies, lent)
    }

    #[test]
    fn long_frames_that_are_read_to_where_they_stay_come_back_as_they_were() {
        let sizes = [5, 200_000, 40_000, 5, 0, READ_LEAST, 70_000, 300_000, 30_000, 20_000, 7];
        let bodies = sizes.map(|size| (0..size).map(|at| (at * 7 + at / 255) as u8).collect::<Vec<_>>());
        let stream: Vec<u8> = bodies.iter().flat_map(|body| call(body)).collect();
        for piece in [97, 4_096, 10_007, 64 << 10, 1 << 20] {
            for mut decoder in [FrameDecoder::default(), FrameDecoder::keeping_room(CLIENT_BUFFER_KEPT)] {
                let (found, lent) = read(&mut decoder, &stream, piece);
                assert!(found == bodies, "pieces of {piece}");
                assert!(lent > 100_000, "{lent} bytes in pieces of {piece}");
                assert_eq!(decoder.progress(), (sizes.len() as u64, stream.len() as u64));
            }
        }
    }

    #[test]
    fn room_is_lent_for_what_has_arrived_and_not_for_what_is_claimed() {
        let stream = call(&vec![7; 1 << 20]);
        let mut decoder = FrameDecoder::default();
        decoder.agree(1 << 20, true, true);
        decoder.push(Bytes::copy_from_slice(&stream[..HEADER - 1]));
        assert!(matches!(decoder.next_frame(), Ok(None)) && decoder.lend_room().is_none(), "no header");
        decoder.push(Bytes::copy_from_slice(&stream[HEADER - 1..HEADER]));
        assert!(matches!(decoder.next_frame(), Ok(None)));
        let mut arrived = HEADER;
        while let Some(mut room) = decoder.lend_room() {
            assert!(room.len() == arrived && room.capacity() <= (2 * arrived).max(ROOM_STEP));
            let count = (room.capacity() - arrived).min(50_000);
            room.extend_from_slice(&stream[arrived..arrived + count]);
            arrived += count;
            decoder.return_room(room, count);
            assert!(decoder.next_frame().expect("well formed").is_none() || arrived == stream.len());
        }
        assert!(stream.len() - arrived < READ_LEAST, "the rest may come with the frames behind it");
    }
}
