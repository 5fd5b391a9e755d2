//! Layer 2: the bytes of a connection that wait to be written.

use crate::limits::{HEADER, LONG_REPLY, WRITTEN_KEPT};
use crate::wire::frame::{self, Header};

/// Bytes that wait to be written, in order.
///
/// Invariant: `start <= bytes.len()`.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    /// The bytes; those before `start` were written.
    bytes: Vec<u8>,
    /// The position in `bytes` of the first byte that was not written.
    start: usize,
    /// Every byte ever queued for the session, on earlier connections too: a record tells by it if its reply is unsent.
    queued: u64,
}

impl Outgoing {
    /// Appends a frame, with a checksum over its body or without one.
    #[inline(always)] // once for each call
    pub(super) fn append(&mut self, header: &Header, body: &[u8], checksum: bool) {
        if body.len() >= LONG_REPLY {
            self.bytes.reserve_exact(HEADER + body.len()); // doubling would take twice the room
        }
        let before = self.bytes.len();
        frame::append(&mut self.bytes, header, body, checksum);
        self.queued += (self.bytes.len() - before) as u64;
    }

    /// Returns the bytes to be written next.
    #[inline]
    pub fn unsent(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Notes that the first `count` unsent bytes were written.
    pub(super) fn written(&mut self, count: usize) {
        self.start = (self.start + count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start > WRITTEN_KEPT && self.start * 2 > self.bytes.len() {
            self.bytes.drain(..self.start); // a slow peer: bytes that were written are not stored for ever
            self.start = 0;
        }
        debug_assert!(self.start <= self.bytes.len(), "the position stays inside the buffer");
    }

    /// Returns the number of bytes ever queued.
    pub(super) fn queued(&self) -> u64 {
        self.queued
    }

    /// Returns the number of bytes ever written.
    pub(super) fn sent(&self) -> u64 {
        self.queued - self.unsent().len() as u64
    }

    /// Counts on from the position that an earlier connection of the same session had reached.
    pub(super) fn count_from(&mut self, queued_before: u64) {
        self.queued = queued_before + self.unsent().len() as u64;
    }

    /// Returns the number of bytes in the buffer, those that were written among them.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Lends the empty buffer of a connection that has nothing to write, so that another connection can use it.
    pub fn give_buffer(&mut self) -> Option<Vec<u8>> {
        (self.bytes.is_empty() && self.bytes.capacity() > 0).then(|| std::mem::take(&mut self.bytes))
    }

    /// Takes a buffer for the bytes that will be appended.
    pub fn take_buffer(&mut self, buffer: Vec<u8>) {
        if self.bytes.capacity() == 0 {
            self.bytes = buffer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::server::connection::Connection;
    use crate::wire::frame::Kind;

    #[test]
    fn written_bytes_leave_a_buffer_when_they_are_many_and_most_of_it() {
        const KEPT: usize = WRITTEN_KEPT;
        for (bytes, written, held) in [
            (4 * KEPT, KEPT + 1, 4 * KEPT),         // many, but not most
            (2 * KEPT - 1, KEPT, 2 * KEPT - 1),     // most, but not many
            (2 * KEPT + 2, KEPT + 1, 2 * KEPT + 2), // many, and half
            (2 * KEPT + 1, KEPT + 1, KEPT),         // both
            (10, 10, 0),                            // all
        ] {
            let mut outgoing = Outgoing { bytes: vec![7; bytes], start: 0, queued: bytes as u64 };
            outgoing.written(written);
            assert_eq!(outgoing.held(), held, "{written} of {bytes}");
            assert_eq!((outgoing.unsent().len(), outgoing.sent()), (bytes - written, written as u64));
        }
    }

    #[test]
    fn a_buffer_is_lent_by_a_connection_that_needs_none_to_one_that_has_none() {
        let mut outgoing = Outgoing::default();
        outgoing.take_buffer(Vec::with_capacity(100));
        outgoing.take_buffer(Vec::with_capacity(200));
        let lent = outgoing.give_buffer().map(|buffer| buffer.capacity());
        assert_eq!(lent, Some(100), "it has one already");
        assert!(outgoing.give_buffer().is_none());
    }

    #[test]
    fn each_byte_of_a_frame_is_counted_once_however_many_wait() {
        let mut connection = Connection::new(None, 1, crate::ids::Time::default());
        for frames in 1..4 {
            connection.send(&Header::new(Kind::Pong), b"");
            let outgoing = &connection.outgoing;
            assert_eq!((outgoing.queued(), outgoing.sent()), (36 * frames, 0));
        }
    }
}
