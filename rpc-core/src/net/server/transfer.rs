//! Layer 4: the bytes of an event loop: it reads and writes the sockets, and keeps the buffers for both.
//!
//! All connections of a loop share one read buffer. A frame that was read is a counted slice of it, so that the bytes of a
//! request are not copied; the memory is reused when no slice refers to it. Write buffers are lent to connections only
//! while replies are under way, so that an idle connection holds no memory.
//!
//! ```text
//!  read:   may_read, budget left, and the protocol wants more --> Socket::read --> handle_input --> again
//!            '--- stopped by the budget or the protocol, and bytes may be left: listed, no event follows
//!  write:  may_write, and bytes are unsent --> Socket::write --> handle_written --> again
//!            '--- failed: the socket is broken; what was received is read first, since it may end in a BYE
//! ```

use std::io::{Read, Write};

use bytes::{Bytes, BytesMut};

use super::event_loop::EventLoop;
use super::loop_socket::LoopSocket;
use crate::limits::{BUFFER_KEPT, BUFFERS_KEPT, READ_BUDGET, READ_CHUNK, READ_LEAST, WRITE_BUDGET};
use crate::log;
use crate::net::os::Stream;
use crate::net::socket::{Progress, Socket};
use crate::proto::peer::Peer;
use crate::proto::server::ConnId;

impl EventLoop {
    /// Reads the sockets that are ready, each up to its budget for one turn.
    pub(super) fn read_ready(&mut self) {
        // Two lists take turns, so that a turn allocates none.
        let mut ready = std::mem::replace(&mut self.ready, std::mem::take(&mut self.spare_list));
        for conn in ready.drain(..) {
            let Some(socket) = self.sockets.get_mut(conn).and_then(Option::as_mut) else { continue };
            socket.listed = false;
            if socket.socket.may_write()
                && self.core.outgoing(conn).is_some_and(|out| !out.unsent().is_empty())
            {
                // The kernel has room again.
                self.write(conn);
            }
            self.read(conn);
            self.list_if_ready(conn);
        }
        self.spare_list = ready;
    }

    /// Reads a socket until it would block, its budget is used, or the protocol does not want more. A socket whose write has
    /// failed is read to its end, since its last frame may be a BYE.
    fn read(&mut self, conn: ConnId) {
        if self.core.wants_read(conn) {
            self.lend_buffer(conn);
        }
        let Some(LoopSocket { socket, .. }) = self.sockets.get_mut(conn).and_then(Option::as_mut) else {
            return;
        };
        // A client that never stops sending gets its share of the turn, and no more.
        let mut budget = READ_BUDGET;
        while socket.may_read() && budget > 0 && self.core.wants_read(conn) {
            let progress = match self.core.lend_room(conn) {
                Some(mut room) => {
                    let before = room.len();
                    let progress = socket.read_more(&mut room, &mut budget);
                    let count = room.len() - before;
                    self.core.handle_room(conn, room, count, self.now);
                    progress
                }
                None => read_chunk(&mut self.input, socket, &mut budget, |chunk| {
                    self.core.handle_input(conn, chunk, self.now);
                }),
            };
            match progress {
                Progress::Bytes(_) => {}
                Progress::Blocked if !socket.is_broken() => {}
                Progress::Blocked | Progress::Ended | Progress::Failed(_) => {
                    self.core.handle_closed(conn, self.now);
                }
            }
        }
        if socket.is_broken() && !self.core.wants_read(conn) {
            // It has sent BYE, so the lost write does not matter.
            self.core.handle_closed(conn, self.now);
        }
    }

    /// Lists a connection that has more bytes to read or to write, since no second event follows for it.
    fn list_if_ready(&mut self, conn: ConnId) {
        let Some(socket) = self.sockets.get_mut(conn).and_then(Option::as_mut) else { return };
        let has_unsent = self.core.outgoing(conn).is_some_and(|outgoing| !outgoing.unsent().is_empty());
        let may_read = socket.socket.may_read() && self.core.wants_read(conn);
        if !socket.listed && (may_read || (socket.socket.may_write() && has_unsent)) {
            socket.listed = true;
            self.ready.push(conn);
        }
    }

    /// Writes the bytes of a connection until none is left, the kernel's buffer is full, or the budget of the turn is used.
    pub(super) fn write(&mut self, conn: ConnId) {
        // A reply is a promise: what it tells of is durable before it leaves.
        if self.durable.is_some() && !self.commit() {
            return;
        }
        let Some(LoopSocket { socket, .. }) = self.sockets.get_mut(conn).and_then(Option::as_mut) else {
            return;
        };
        let mut budget = WRITE_BUDGET;
        while socket.may_write() && budget > 0 {
            let Some(outgoing) = self.core.outgoing(conn).filter(|out| !out.unsent().is_empty()) else {
                break;
            };
            let unsent = outgoing.unsent();
            match socket.write(unsent.get(..budget).unwrap_or(unsent)) {
                Progress::Bytes(count) => {
                    budget = budget.saturating_sub(count.max(1));
                    self.core.handle_written(conn, count, self.now);
                }
                // The time limit of a slow reader begins.
                Progress::Blocked => self.core.handle_written(conn, 0, self.now),
                Progress::Ended | Progress::Failed(_) if self.core.wants_read(conn) => {
                    socket.set_broken();
                    break;
                }
                Progress::Ended | Progress::Failed(_) => {
                    self.core.handle_closed(conn, self.now);
                    return;
                }
            }
        }
        self.take_buffer_back(conn);
        // A connection is not read while its client does not read its replies. It may be read again now.
        self.list_if_ready(conn);
    }

    /// Lends a used write buffer to a connection, since replies follow what is read.
    fn lend_buffer(&mut self, conn: ConnId) {
        self.lent.push(conn);
        let outgoing = self.core.outgoing(conn).filter(|outgoing| outgoing.unsent().is_empty());
        if let (Some(outgoing), Some(buffer)) = (outgoing, self.buffers.pop()) {
            outgoing.take_buffer(buffer);
        }
    }

    /// Takes an empty write buffer back, up to a bound on their number and size.
    pub(super) fn take_buffer_back(&mut self, conn: ConnId) {
        if let Some(buffer) = self.core.outgoing(conn).and_then(|outgoing| outgoing.give_buffer()) {
            if self.buffers.len() < BUFFERS_KEPT && buffer.capacity() <= BUFFER_KEPT {
                self.buffers.push(buffer);
            }
        }
    }

    /// Closes a connection.
    pub(super) fn remove(&mut self, conn: ConnId) {
        let Some(socket) = self.sockets.get_mut(conn).and_then(Option::take) else { return };
        if let Some(peer) = self.core.peer(conn) {
            self.shared.open.remove(peer.source());
        }
        self.core.remove(conn, self.now);
        self.input.resize(READ_CHUNK, 0);
        socket.close(&mut self.input);
    }

    /// Closes a connection whose source has its share, after a frame that tells its client to wait. `is_first`: the log says it.
    pub(super) fn turn_away(&mut self, mut stream: Stream, peer: Peer, is_first: bool) {
        if is_first {
            log::warn!(%peer, "no more connections of this address: see ServerLimits::connections_per_source");
        }
        self.input.resize(READ_CHUNK, 0);
        // Its HELLO is often there. Unread, it would make the kernel send a reset, which may destroy the frame. A connection
        // that cannot be written is closed without the frame.
        let _ = stream.read(&mut self.input);
        let _ = stream.write(&self.core.turn_away());
    }
}

/// Reads into the read buffer, and gives what was read to `take`. It is not copied: the frames in it are slices of the buffer.
fn read_chunk(
    input: &mut BytesMut,
    socket: &mut Socket,
    budget: &mut usize,
    take: impl FnOnce(Bytes),
) -> Progress {
    if input.len() < READ_LEAST {
        input.clear();
        input.resize(READ_CHUNK, 0); // reuses the old memory if no frame refers to it any more
    }
    let progress = socket.read(input, budget);
    if let Progress::Bytes(count) = progress {
        take(input.split_to(count).freeze());
    }
    progress
}
