//! Floor 4: one connected socket: reads into the loop's buffer, writes what waits, and remembers what it is ready for.
//!
//! A socket is registered once, for both directions, edge-triggered: the kernel says when it *becomes* ready, and these
//! flags remember it until a read or write finds the opposite. So no system call is ever spent on changing interest.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use crate::net::os::{Event, Interest, Registry, TcpStream, Token};

/// Whether a read that did not fill its space has emptied the socket. Where readiness is emulated, only a read that
/// would block says so.
const SHORT_READ_IS_LAST: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// A connected socket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    pub(super) peer: SocketAddr,
    /// There may be bytes to read.
    pub(super) readable: bool,
    /// Its buffer in the kernel is full; an event will say when there is room again.
    pub(super) blocked: bool,
    /// It stands in the loop's list of sockets to be read.
    pub(super) listed: bool,
    /// The peer has closed its side: read until the end is found.
    pub(super) ends: bool,
    /// Nothing can be written any more.
    broken: bool,
}

/// What a read or a write found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// So many bytes were moved.
    Bytes(usize),
    /// Nothing now; an event will come.
    Blocked,
    /// The connection is gone.
    Gone,
}

impl Socket {
    /// Registers a stream.
    pub(super) fn register(
        mut stream: TcpStream,
        peer: SocketAddr,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Socket {
            stream,
            peer,
            readable: false,
            blocked: false,
            listed: false,
            ends: false,
            broken: false,
        })
    }

    /// Takes the stream out of this loop, for another.
    pub(super) fn deregister(mut self, registry: &Registry) -> io::Result<TcpStream> {
        registry.deregister(&mut self.stream)?;
        Ok(self.stream)
    }

    /// Remembers what the kernel has said.
    pub(super) fn note(&mut self, event: &Event) {
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.readable = true;
            self.ends |= event.is_read_closed() || event.is_error();
        }
        if event.is_writable() || event.is_write_closed() {
            self.blocked = self.broken; // a broken one has room, and takes nothing
        }
    }

    /// A write has failed: there is nothing more to say, but perhaps something to hear.
    pub(super) fn set_broken(&mut self) {
        (self.broken, self.blocked, self.readable, self.ends) = (true, true, true, true);
    }

    /// Whether a write has failed: what is read now is the last.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    pub(super) fn read(&mut self, into: &mut [u8]) -> Progress {
        let found = progress(|| self.stream.read(into));
        match found {
            Progress::Bytes(0) => Progress::Gone, // a client that closes its sending side has gone
            Progress::Bytes(count) => {
                self.readable = count == into.len() || self.ends || !SHORT_READ_IS_LAST;
                found
            }
            Progress::Blocked | Progress::Gone => {
                self.readable = false;
                found
            }
        }
    }

    pub(super) fn write(&mut self, from: &[u8]) -> Progress {
        let found = progress(|| self.stream.write(from));
        self.blocked = found == Progress::Blocked;
        found
    }

    /// Reads past what has come, so that closing says goodbye (FIN) and not reset (RST), which would destroy the last
    /// words on their way. A peer that keeps on talking gets the reset.
    pub(super) fn close(mut self, scratch: &mut [u8]) {
        for _ in 0..4 {
            if !matches!(self.read(scratch), Progress::Bytes(_)) {
                return;
            }
        }
    }
}

fn progress(mut operation: impl FnMut() -> io::Result<usize>) -> Progress {
    loop {
        match operation() {
            Ok(count) => return Progress::Bytes(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Progress::Blocked,
            Err(_) => return Progress::Gone,
        }
    }
}
