//! Layer 4: a socket of an event loop: the shared [`Socket`], and its place in the loop's list.

use std::io;

use crate::net::os::{Event, Registry, Stream, Token};
use crate::net::socket::{Progress, Socket};

/// Reads before a socket is closed, at most. A client that sends more than that after its end gets a reset.
const LAST_READS: usize = 4;

/// A connected socket of an event loop.
#[derive(Debug)]
pub(super) struct LoopSocket {
    /// The socket, registered with the loop's poll.
    pub(super) socket: Socket,
    /// True if the socket is in the loop's list of sockets to be read, so that it is listed once.
    pub(super) listed: bool,
}

impl LoopSocket {
    /// Registers a stream with the poll of a loop.
    pub(super) fn register(stream: Stream, registry: &Registry, token: Token) -> io::Result<Self> {
        Ok(LoopSocket { socket: Socket::register(stream, registry, token)?, listed: false })
    }

    /// Notes an event of the kernel. Returns true if the socket must be listed.
    pub(super) fn note(&mut self, event: &Event) -> bool {
        self.socket.note(event);
        !std::mem::replace(&mut self.listed, true)
    }

    /// Takes the stream out of the poll, to hand it over to another loop.
    pub(super) fn deregister(mut self, registry: &Registry) -> io::Result<Stream> {
        self.socket.deregister(registry)?;
        Ok(self.socket.into_stream())
    }

    /// Closes the socket after a few reads. If unread bytes were left, the kernel would send a reset (RST) instead of a FIN,
    /// and the reset would destroy what was written last.
    pub(super) fn close(mut self, scratch: &mut [u8]) {
        for _ in 0..LAST_READS {
            if !matches!(self.socket.read(scratch, &mut 0), Progress::Bytes(_)) {
                return;
            }
        }
    }
}
