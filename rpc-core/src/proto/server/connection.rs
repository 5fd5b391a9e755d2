//! Layer 2: connections as the protocol sees them: bytes read and not yet understood, bytes that wait to be written.

use std::collections::VecDeque;
use std::net::SocketAddr;

use slab::Slab;

use super::sessions::SessionKey;
use crate::limits::{ServerLimits, WRITTEN_KEPT};
use crate::wire::frame::{self, FrameDecoder, Header};

/// Names a connection until it is removed.
pub type ConnId = usize;

/// The life of a connection.
///
/// ```text
/// Greeting --HELLO--> Attached --BYE, error, newer connection--> Closing | Closed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No HELLO has arrived.
    Greeting,
    /// The connection carries the calls of this session.
    Attached(SessionKey),
    /// The connection is closed once its bytes are written. Frames that still arrive are dropped.
    Closing,
    /// The connection is closed at once: another one carries its session, or the peer is gone.
    Closed,
}

/// One connection.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    /// The stage of its life.
    pub(super) stage: Stage,
    /// The bytes read that are not yet a whole frame.
    pub(super) decoder: FrameDecoder,
    /// The bytes that wait to be written.
    pub(super) outgoing: Outgoing,
    /// The address of the peer.
    pub(super) peer: Option<SocketAddr>,
    /// The body of the HELLO that was accepted: the same one again gets the same WELCOME.
    pub(super) hello: Vec<u8>,
    /// True while the connection is in the list of those that the driver must look at.
    pub(super) is_ready: bool,
    /// True while a timer watches its unsent bytes.
    pub(super) has_stall_timer: bool,
    /// True if bodies carry checksums.
    pub(super) checksum: bool,
    /// Tells it from later connections with the same id.
    pub(super) serial: u64,
}

impl Connection {
    /// A connection that was accepted.
    pub(super) fn new(peer: Option<SocketAddr>, serial: u64) -> Self {
        Connection {
            stage: Stage::Greeting,
            decoder: FrameDecoder::default(),
            outgoing: Outgoing::default(),
            peer,
            hello: Vec::new(),
            is_ready: false,
            has_stall_timer: false,
            checksum: true,
            serial,
        }
    }

    /// Returns true if frames that arrive are acted on.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Greeting | Stage::Attached(_))
    }

    /// Returns true if the peer reads its replies: its unsent bytes are below the bound.
    #[inline]
    pub(super) fn peer_reads(&self, limits: &ServerLimits) -> bool {
        self.outgoing.unsent().len() < limits.unsent_pause
    }

    /// Returns true if the connection is to be read: not while frames wait until the peer has read its replies.
    pub(super) fn wants_read(&self, limits: &ServerLimits) -> bool {
        self.is_open() && self.peer_reads(limits) && !self.decoder.has_unread()
    }

    /// Returns true if the socket is to be closed now.
    pub(super) fn wants_close(&self) -> bool {
        match self.stage {
            Stage::Greeting | Stage::Attached(_) => false,
            Stage::Closing => self.outgoing.unsent().is_empty(),
            Stage::Closed => true,
        }
    }

    /// Begins to watch unsent bytes. Returns the position to compare with later; `None` if there is nothing to watch,
    /// or a timer is set already.
    pub(super) fn watch_unsent(&mut self) -> Option<u64> {
        if self.has_stall_timer || self.outgoing.unsent().is_empty() {
            return None;
        }
        self.has_stall_timer = true;
        Some(self.outgoing.sent())
    }

    /// Appends a frame. The driver does not look at the connection for it: see [`Writer::send`].
    pub(super) fn send(&mut self, header: &Header, body: &[u8]) {
        let before = self.outgoing.bytes.len();
        frame::append(&mut self.outgoing.bytes, header, body, self.checksum);
        self.outgoing.queued += (self.outgoing.bytes.len() - before) as u64;
    }
}

/// A connection, with what it takes to append a frame to it.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    /// The name of the connection.
    conn: ConnId,
    /// The connection.
    pub(super) connection: &'a mut Connection,
    /// The list of connections that the driver must look at.
    ready: &'a mut VecDeque<ConnId>,
}

impl Writer<'_> {
    /// Appends a frame to the bytes that wait to be written.
    #[inline]
    pub(super) fn send(&mut self, header: &Header, body: &[u8]) {
        self.connection.send(header, body);
        self.mark_ready();
    }

    /// Moves the connection to another stage of its life.
    pub(super) fn enter(&mut self, stage: Stage) {
        self.connection.stage = stage;
        self.mark_ready();
    }

    fn mark_ready(&mut self) {
        if !self.connection.is_ready {
            self.connection.is_ready = true;
            self.ready.push_back(self.conn);
        }
    }
}

/// All connections of a loop.
///
/// Invariant: a connection is in `ready` once if its `is_ready` is true, and not at all otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    /// The connections, by id.
    pub(super) connections: Slab<Connection>,
    /// Connections with bytes to write, or that are to be closed.
    pub(super) ready: VecDeque<ConnId>,
    /// The serial number of the newest connection.
    pub(super) last_serial: u64,
}

impl Connections {
    /// Adds a connection. Returns its id and its serial number.
    pub(super) fn insert(&mut self, peer: Option<SocketAddr>) -> (ConnId, u64) {
        self.last_serial += 1;
        (self.connections.insert(Connection::new(peer, self.last_serial)), self.last_serial)
    }

    /// Removes a connection. Its id may be used again.
    pub(super) fn remove(&mut self, conn: ConnId) {
        self.connections.try_remove(conn);
    }

    /// Returns the number of connections.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Returns all connections with their ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnId, &Connection)> {
        self.connections.iter()
    }

    /// Returns a connection.
    pub(super) fn get(&self, conn: ConnId) -> Option<&Connection> {
        self.connections.get(conn)
    }

    /// Returns a connection, to be changed.
    pub(super) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Connection> {
        self.connections.get_mut(conn)
    }

    /// Returns the connection that a timer was set for, unless its id belongs to a newer one.
    pub(super) fn of_serial(&mut self, conn: ConnId, serial: u64) -> Option<&mut Connection> {
        self.get_mut(conn).filter(|connection| connection.serial == serial)
    }

    /// Returns a connection, to append frames to or to end.
    #[inline]
    pub(super) fn writer(&mut self, conn: ConnId) -> Option<Writer<'_>> {
        let connection = self.connections.get_mut(conn)?;
        Some(Writer { conn, connection, ready: &mut self.ready })
    }

    /// Appends a frame to a connection that may be gone.
    pub(super) fn send(&mut self, conn: ConnId, header: &Header, body: &[u8]) {
        if let Some(mut writer) = self.writer(conn) {
            writer.send(header, body);
        }
    }

    /// Moves a connection that may be gone to another stage of its life.
    pub(super) fn enter(&mut self, conn: ConnId, stage: Stage) {
        if let Some(mut writer) = self.writer(conn) {
            writer.enter(stage);
        }
    }

    /// Takes the next connection that the driver must look at.
    pub(super) fn poll_ready(&mut self) -> Option<ConnId> {
        let conn = self.ready.pop_front()?;
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.is_ready = false;
        }
        Some(conn)
    }
}

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
        let mut connection = Connection::new(None, 1);
        for frames in 1..4 {
            connection.send(&Header::new(frame::Kind::Pong), b"");
            let outgoing = &connection.outgoing;
            assert_eq!((outgoing.queued(), outgoing.sent()), (36 * frames, 0));
        }
    }
}
