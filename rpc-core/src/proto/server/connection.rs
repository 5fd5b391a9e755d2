//! Floor 2: one connection as the protocol sees it: what was read and not yet understood, what waits to be written, and where it stands.

use std::net::SocketAddr;

use super::session::SessionKey;
use crate::wire::frame::{self, FrameDecoder, Header};

/// Names a connection until it is removed.
pub type ConnId = usize;

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No HELLO yet.
    Greeting,
    /// Carries this session's calls.
    Attached(SessionKey),
    /// Is written out and then closed; what it still sends is dropped.
    Closing,
    /// Is closed at once: another connection has its session, or the peer has gone.
    Closed,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stage: Stage,
    pub(super) decoder: FrameDecoder,
    pub(super) outgoing: Outgoing,
    pub(super) peer: Option<SocketAddr>,
    /// The body of the HELLO that was accepted: the same one again gets the same WELCOME.
    pub(super) hello: Vec<u8>,
    /// Whether it is in the list of connections that want attention.
    pub(super) dirty: bool,
    /// Whether a timer watches its unsent bytes.
    pub(super) stall_timer: bool,
    /// Bodies carry checksums.
    pub(super) checksum: bool,
    /// Tells it from later connections with the same id.
    pub(super) serial: u64,
}

impl Connection {
    pub(super) fn new(peer: Option<SocketAddr>, serial: u64) -> Self {
        Connection {
            stage: Stage::Greeting,
            decoder: FrameDecoder::default(),
            outgoing: Outgoing::default(),
            peer,
            hello: Vec::new(),
            dirty: false,
            stall_timer: false,
            checksum: true,
            serial,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Greeting | Stage::Attached(_))
    }

    /// Appends a frame to what waits to be written.
    pub(super) fn send(&mut self, header: &Header, body: &[u8]) {
        let before = self.outgoing.bytes.len();
        frame::append(&mut self.outgoing.bytes, header, body, self.checksum);
        self.outgoing.queued += (self.outgoing.bytes.len() - before) as u64;
    }
}

/// Bytes that wait to be written, in order.
///
/// Invariant: `start <= bytes.len()`; `queued` counts every byte ever appended, those of the session's earlier
/// connections included, so that a record can say whether its answer is still here.
#[derive(Debug, Default)]
pub struct Outgoing {
    bytes: Vec<u8>,
    start: usize,
    queued: u64,
}

impl Outgoing {
    /// What is to be written next.
    pub fn unsent(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Notes that the first `count` bytes were written.
    pub(super) fn written(&mut self, count: usize) {
        self.start = (self.start + count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start > 64 * 1024 && self.start * 2 > self.bytes.len() {
            self.bytes.drain(..self.start); // a slow reader: the part that has gone is not kept for ever
            self.start = 0;
        }
    }

    /// Bytes ever queued.
    pub(super) fn queued(&self) -> u64 {
        self.queued
    }

    /// How many of the bytes ever queued have been written.
    pub(super) fn sent(&self) -> u64 {
        self.queued - self.unsent().len() as u64
    }

    /// Counts on from an earlier connection of the same session.
    pub(super) fn count_from(&mut self, sent_before: u64) {
        self.queued = sent_before + self.unsent().len() as u64;
    }

    /// Bytes that the buffer holds, those that have left among them.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Lends an empty buffer of a connection that has nothing to write, so that it can serve others.
    pub fn give_buffer(&mut self) -> Option<Vec<u8>> {
        (self.bytes.is_empty() && self.bytes.capacity() > 0).then(|| std::mem::take(&mut self.bytes))
    }

    /// Takes a buffer for what will be appended.
    pub fn take_buffer(&mut self, buffer: Vec<u8>) {
        if self.bytes.capacity() == 0 {
            self.bytes = buffer;
        }
    }
}

/// What a timer of the server is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    /// A connection must have said HELLO.
    Hello(ConnId, u64),
    /// A connection must have written something since.
    Stall(ConnId, u64, u64),
    /// A detached session may have outlived its lease.
    Lease(SessionKey),
}
