//! Layer 4: the reads of a client's socket: into a buffer of the thread, or into the room of a long frame.
//!
//! Each piece is copied out of the thread's buffer: an idle connection holds no buffer, and a client has mostly one small reply to
//! read. A long reply is read to where it stays.

use std::cell::RefCell;

use bytes::Bytes;

use super::transport::TransportEvents;
use crate::limits::{READ_BUDGET, READ_CHUNK};
use crate::net::socket::{Progress, Socket};

/// The bytes that were read in one turn, in pieces. Mostly it is one piece, and that allocates nothing here.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// The first piece.
    first: Bytes,
    /// Those after it.
    more: Vec<Bytes>,
}

impl Input {
    /// Appends a piece.
    pub(super) fn push(&mut self, piece: Bytes) {
        if self.first.is_empty() { self.first = piece } else { self.more.push(piece) }
    }

    /// Returns true if no byte was read.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Returns the pieces in their order.
    pub(super) fn pieces(self) -> impl Iterator<Item = Bytes> {
        std::iter::once(self.first).filter(|piece| !piece.is_empty()).chain(self.more)
    }
}

/// Reads until the socket is empty or the budget of one turn is used. `room` is that of a long frame that has begun.
pub(super) fn read(socket: &mut Socket, room: Option<Vec<u8>>, seen: &mut TransportEvents) {
    let mut budget = READ_BUDGET;
    if let Some(room) = room {
        read_to_room(room, socket, &mut budget, seen);
    }
    let read = READ_BUFFER.try_with(|buffer| read_into(&mut buffer.borrow_mut(), socket, budget, seen));
    if read.is_err() {
        // The thread ends, and drops a client that one of its thread-local values held.
        read_into(&mut Vec::new(), socket, budget, seen);
    }
}

/// Reads the rest of a long frame to where it stays, until its room is full, the socket is empty or the budget of one turn is used.
fn read_to_room(mut room: Vec<u8>, socket: &mut Socket, budget: &mut usize, seen: &mut TransportEvents) {
    let before = room.len();
    while socket.may_read() && *budget > 0 && room.len() < room.capacity() {
        if !note_read(socket.read_more(&mut room, budget), seen) {
            break;
        }
    }
    let count = room.len() - before;
    seen.room = Some((room, count));
}

/// Reads until the socket is empty or the budget of one turn is used, with this buffer.
fn read_into(buffer: &mut Vec<u8>, socket: &mut Socket, mut budget: usize, seen: &mut TransportEvents) {
    buffer.resize(READ_CHUNK, 0);
    while socket.may_read() && budget > 0 {
        let progress = socket.read(buffer, &mut budget);
        if let Progress::Bytes(count) = progress {
            seen.input.push(Bytes::copy_from_slice(buffer.get(..count).unwrap_or_default()));
            if count == buffer.len() {
                return; // it is the begin of a long frame as a rule, and the rest of that is read to where it stays
            }
        }
        if !note_read(progress, seen) {
            return;
        }
    }
}

/// Notes the end of the connection, if a read has found it. Returns true if the next read may find more.
fn note_read(progress: Progress, seen: &mut TransportEvents) -> bool {
    match progress {
        Progress::Bytes(_) => return true,
        Progress::Blocked => {}
        Progress::Ended => seen.failed = Some("the server closed the connection".to_owned()),
        Progress::Failed(error) => seen.failed = Some(format!("reading failed: {error}")),
    }
    false
}

thread_local! {
    /// The read buffer of this thread, for all connections that it drives, so that an idle connection holds none.
    static READ_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}
