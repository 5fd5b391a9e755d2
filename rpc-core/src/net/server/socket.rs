//! Layer 4: one connected socket of the server: it reads, it writes, and it remembers its readiness.
//!
//! A socket is registered once, for both directions, edge-triggered: the kernel reports when the socket *becomes* ready, and
//! these flags remember it until a read or a write would block. So no system call is spent on a change of interest.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use crate::net::os::{Event, Interest, Registry, TcpStream, Token};

/// True if a read that did not fill its buffer has emptied the socket. Where readiness is emulated, only a read that would
/// block shows it.
const SHORT_READ_IS_LAST: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// A connected socket.
#[derive(Debug)]
pub(super) struct Socket {
    /// The stream, registered with the loop's poll.
    stream: TcpStream,
    /// The address of the client.
    pub(super) peer: SocketAddr,
    /// True if there may be bytes to read.
    pub(super) readable: bool,
    /// True if the kernel's buffer is full: an event follows when it has room again.
    pub(super) blocked: bool,
    /// True if the socket is in the loop's list of sockets to be read.
    pub(super) listed: bool,
    /// True if the client has closed its side: reads go on until they find the end.
    pub(super) ends: bool,
    /// True if a write has failed: nothing is written any more.
    broken: bool,
}

/// The result of a read or a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// This many bytes were moved.
    Bytes(usize),
    /// It would block; an event follows.
    Blocked,
    /// The connection has ended.
    Gone,
}

impl Socket {
    /// Registers a stream with the poll of a loop.
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

    /// Takes the stream out of the poll, to hand it over to another loop.
    pub(super) fn deregister(mut self, registry: &Registry) -> io::Result<TcpStream> {
        registry.deregister(&mut self.stream)?;
        Ok(self.stream)
    }

    /// Notes an event of the kernel.
    pub(super) fn note(&mut self, event: &Event) {
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.readable = true;
            self.ends |= event.is_read_closed() || event.is_error();
        }
        if event.is_writable() || event.is_write_closed() {
            self.blocked = self.broken; // a broken socket stays blocked
        }
    }

    /// Notes a failed write. Nothing is written any more, but a BYE may still be unread.
    pub(super) fn set_broken(&mut self) {
        (self.broken, self.blocked, self.readable, self.ends) = (true, true, true, true);
    }

    /// Returns true if a write has failed: then reads only empty the socket.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Reads into `into`, which must not be empty.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Progress {
        let found = progress(|| self.stream.read(into));
        match found {
            Progress::Bytes(0) => Progress::Gone, // a client that closes its sending side has ended the connection
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

    /// Writes from `from`.
    pub(super) fn write(&mut self, from: &[u8]) -> Progress {
        let found = progress(|| self.stream.write(from));
        self.blocked = found == Progress::Blocked;
        found
    }

    /// Closes the socket after a few reads. If unread bytes were left, the kernel would send a reset (RST) instead of a FIN, and
    /// the reset would destroy what was written last. A peer that does not stop sending gets the reset.
    pub(super) fn close(mut self, scratch: &mut [u8]) {
        for _ in 0..4 {
            if !matches!(self.read(scratch), Progress::Bytes(_)) {
                return;
            }
        }
    }
}

/// Runs a system call again after interrupts, and translates its result.
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
