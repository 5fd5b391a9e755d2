//! Layer 4: the socket of a client: it connects, writes what was transmitted, and reads. It never blocks.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::limits::{CLIENT_BUFFER_KEPT, READ_BUDGET, READ_CHUNK};
use crate::net::os::{self, Interest, Registry, TcpStream, Token};

/// A socket, or none while there is no connection, with the bytes to be written to it.
#[derive(Debug, Default)]
pub(super) struct Socket {
    /// The stream, if there is a connection or an attempt at one.
    stream: Option<TcpStream>,
    /// True until the stream is connected.
    connecting: bool,
    /// True if a read stopped at its budget, so that a server that never stops sending cannot keep this thread. No event
    /// follows for the rest.
    unread: bool,
    /// The bytes to be written.
    pub(super) out: Vec<u8>,
    /// The length of the part of `out` that is written.
    written: usize,
}

/// The events of a socket during one turn.
#[derive(Debug, Default)]
pub(super) struct SocketEvents {
    /// True if the connection was made.
    pub(super) connected: bool,
    /// True if all bytes were written before the poll.
    pub(super) flushed_first: bool,
    /// True if all bytes were written after the poll.
    pub(super) flushed: bool,
    /// The bytes that were read.
    pub(super) input: Vec<Bytes>,
    /// The reason why the connection has ended, if it has.
    pub(super) failed: Option<String>,
}

impl Socket {
    /// Returns true if the socket is connected.
    pub(super) fn is_connected(&self) -> bool {
        self.stream.is_some() && !self.connecting
    }

    /// Returns true if there may be bytes to read that no event announces.
    pub(super) fn is_unread(&self) -> bool {
        self.unread
    }

    /// Continues a read that stopped at its budget. Returns true if there was one.
    pub(super) fn read_on(&mut self, seen: &mut SocketEvents) -> bool {
        let unread = self.unread && seen.input.is_empty();
        if unread {
            self.read(true, seen);
        }
        unread
    }

    /// Begins a connection. It is made when the socket is writable: see [`Socket::check_connected`].
    pub(super) fn connect(&mut self, to: SocketAddr, registry: &Registry, token: Token) -> io::Result<()> {
        let mut socket = TcpStream::connect(to)?;
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        self.out.clear();
        self.written = 0;
        self.connecting = true;
        self.unread = false;
        self.stream = Some(socket);
        Ok(())
    }

    /// Closes the socket. Bytes that were not written are lost.
    pub(super) fn close(&mut self, registry: &Registry) {
        if let Some(mut stream) = self.stream.take() {
            let _ = registry.deregister(&mut stream); // closing it does the same
        }
        self.connecting = false;
        self.unread = false;
        self.out.clear();
        self.written = 0;
    }

    /// Takes the socket out of a poll.
    pub(super) fn deregister(&mut self, registry: &Registry) {
        if let Some(socket) = &mut self.stream {
            let _ = registry.deregister(socket); // an error means that it was not registered there
        }
    }

    /// Registers the socket with a poll, edge-triggered, for both directions.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match &mut self.stream {
            Some(socket) => registry.register(socket, token, Interest::READABLE | Interest::WRITABLE),
            None => Ok(()),
        }
    }

    /// Moves the socket from one poll to another, which reports its readiness again.
    pub(super) fn move_to(&mut self, from: &Registry, to: &Registry, token: Token) -> io::Result<()> {
        self.deregister(from);
        self.register(to, token)
    }

    /// Writes until no byte is left or the kernel's buffer is full.
    pub(super) fn flush(&mut self, seen: &mut SocketEvents) {
        if self.connecting || self.out.is_empty() {
            return;
        }
        let Some(socket) = &mut self.stream else { return };
        while self.written < self.out.len() {
            match socket.write(self.out.get(self.written..).unwrap_or_default()) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    seen.failed = Some(format!("writing failed: {error}"));
                    return;
                }
            }
        }
        debug_assert_eq!(self.written, self.out.len(), "the kernel takes no more than it is given");
        self.written = 0;
        self.out.clear();
        self.out.shrink_to(CLIENT_BUFFER_KEPT);
        seen.flushed = true;
    }

    /// Checks a writable socket: the connection was made, or has failed.
    pub(super) fn check_connected(&mut self, seen: &mut SocketEvents) {
        let Some(socket) = self.stream.as_ref().filter(|_| self.connecting) else { return };
        if let Ok(Some(error)) | Err(error) = socket.take_error() {
            seen.failed = Some(format!("connecting failed: {error}"));
            return;
        }
        match socket.peer_addr() {
            Ok(_) => {
                self.connecting = false;
                seen.connected = true;
                os::set_options(socket);
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => {}
            Err(error) => seen.failed = Some(format!("connecting failed: {error}")),
        }
    }

    /// Reads up to a budget. A read that did not fill the buffer has emptied the socket, unless `to_the_end` is true: then it
    /// reads until the end of the stream.
    pub(super) fn read(&mut self, to_the_end: bool, seen: &mut SocketEvents) {
        let read = READ_BUFFER.try_with(|buffer| self.read_into(&mut buffer.borrow_mut(), to_the_end, seen));
        if read.is_err() {
            // The thread ends, and drops a client that one of its thread-local values held.
            self.read_into(&mut Vec::new(), to_the_end, seen);
        }
    }

    /// Reads up to a budget, with this buffer.
    fn read_into(&mut self, buffer: &mut Vec<u8>, to_the_end: bool, seen: &mut SocketEvents) {
        let Some(socket) = self.stream.as_mut().filter(|_| !self.connecting) else { return };
        self.unread = false;
        buffer.resize(READ_CHUNK, 0);
        let mut budget = READ_BUDGET;
        loop {
            match socket.read(buffer) {
                Ok(0) => {
                    seen.failed = Some("the server closed the connection".to_owned());
                    return;
                }
                Ok(count) => {
                    seen.input.push(Bytes::copy_from_slice(buffer.get(..count).unwrap_or_default()));
                    if count < buffer.len() && !to_the_end {
                        return;
                    }
                    budget = budget.saturating_sub(count);
                    if budget == 0 {
                        self.unread = true;
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    seen.failed = Some(format!("reading failed: {error}"));
                    return;
                }
            }
        }
    }
}

thread_local! {
    /// The read buffer of this thread, for all connections that it drives, so that an idle connection holds none.
    static READ_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Returns a time-out for `Poll::poll`, at most an hour. `poll` rounds up by itself, so that a timer is due when it returns;
/// rounding here as well would turn zero into a millisecond.
pub(super) fn poll_limit(limit: Option<Duration>) -> Option<Duration> {
    limit.map(|limit| limit.min(Duration::from_secs(3600)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_read_takes_its_budget_and_the_next_ones_the_rest() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (poll, mut socket) = (os::Poll::new().expect("a poll"), Socket::default());
        socket.connect(address, poll.registry(), Token(0)).expect("it listens");
        let (mut server, _) = listener.accept().expect("it comes");
        socket.connecting = false;
        server.set_nonblocking(true).expect("an option");
        let mut sent = 0;
        while let Ok(count) = server.write(&[0; 1 << 16]) {
            sent += count; // as much as the two sockets hold
        }
        let mut got = 0;
        while got < sent {
            let mut seen = SocketEvents::default();
            socket.read(true, &mut seen);
            let now: usize = seen.input.iter().map(Bytes::len).sum();
            assert!(now <= READ_BUDGET + READ_CHUNK, "{now} bytes at once");
            got += now;
            assert!(now < READ_BUDGET || socket.is_unread());
        }
    }

    #[test]
    fn not_to_wait_is_not_to_wait_a_millisecond() {
        assert_eq!(poll_limit(Some(Duration::ZERO)), Some(Duration::ZERO));
        assert_eq!(poll_limit(Some(Duration::MAX)), Some(Duration::from_secs(3600)));
        assert_eq!(poll_limit(None), None);
    }
}
