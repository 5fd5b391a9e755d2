//! Floor 4: a client's socket: connecting, writing what was transmitted, reading what has come. It never blocks.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::limits::{CLIENT_BUFFER_KEPT, READ_BUDGET, READ_CHUNK};
use crate::net::os::{self, Interest, Registry, TcpStream, Token};

/// A socket, or the lack of one, with what waits to be written to it.
#[derive(Debug, Default)]
pub(super) struct Wire {
    socket: Option<TcpStream>,
    connecting: bool,
    /// A read stopped before the socket was empty, so that no server keeps this thread: no event will come for the rest.
    unread: bool,
    pub(super) out: Vec<u8>,
    written: usize,
}

/// What one look at the socket brought.
#[derive(Debug, Default)]
pub(super) struct Io {
    pub(super) connected: bool,
    /// All that waited was written before anything else happened.
    pub(super) flushed_first: bool,
    /// All that waited was written, after a while.
    pub(super) flushed: bool,
    pub(super) input: Vec<Bytes>,
    pub(super) failed: Option<String>,
}

impl Wire {
    pub(super) fn is_connected(&self) -> bool {
        self.socket.is_some() && !self.connecting
    }

    /// Whether there may be more to read although no event says so.
    pub(super) fn is_unread(&self) -> bool {
        self.unread
    }

    /// Goes on with a read that was interrupted, and says whether there was one.
    pub(super) fn read_on(&mut self, io: &mut Io) -> bool {
        let unread = self.unread && io.input.is_empty();
        if unread {
            self.read(true, io);
        }
        unread
    }

    /// Begins a connection; it stands when the socket is writable.
    pub(super) fn connect(&mut self, to: SocketAddr, registry: &Registry, token: Token) -> io::Result<()> {
        let mut socket = TcpStream::connect(to)?;
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        self.out.clear();
        self.written = 0;
        self.connecting = true;
        self.unread = false;
        self.socket = Some(socket);
        Ok(())
    }

    /// Closes the socket; what waited to be written dies with it.
    pub(super) fn close(&mut self, registry: &Registry) {
        if let Some(mut socket) = self.socket.take() {
            let _ = registry.deregister(&mut socket); // closing it does the same
        }
        self.connecting = false;
        self.unread = false;
        self.out.clear();
        self.written = 0;
    }

    /// Takes the socket out of a poll.
    pub(super) fn leave(&mut self, registry: &Registry) {
        if let Some(socket) = &mut self.socket {
            let _ = registry.deregister(socket); // at worst it is not there
        }
    }

    /// Puts the socket into a poll.
    pub(super) fn join(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match &mut self.socket {
            Some(socket) => registry.register(socket, token, Interest::READABLE | Interest::WRITABLE),
            None => Ok(()),
        }
    }

    /// Moves the socket from one poll to another. Readiness is reported anew there.
    pub(super) fn move_to(&mut self, from: &Registry, to: &Registry, token: Token) -> io::Result<()> {
        self.leave(from);
        self.join(to, token)
    }

    /// Writes what waits, as far as the kernel takes it.
    pub(super) fn flush(&mut self, io: &mut Io) {
        if self.connecting || self.out.is_empty() {
            return;
        }
        let Some(socket) = &mut self.socket else { return };
        while self.written < self.out.len() {
            match socket.write(self.out.get(self.written..).unwrap_or_default()) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    io.failed = Some(format!("writing failed: {error}"));
                    return;
                }
            }
        }
        self.written = 0;
        self.out.clear();
        self.out.shrink_to(CLIENT_BUFFER_KEPT);
        io.flushed = true;
    }

    /// The socket is writable: a connection that was being made stands, or has failed.
    pub(super) fn check_connected(&mut self, io: &mut Io) {
        let Some(socket) = self.socket.as_ref().filter(|_| self.connecting) else { return };
        if let Ok(Some(error)) | Err(error) = socket.take_error() {
            io.failed = Some(format!("connecting failed: {error}"));
            return;
        }
        match socket.peer_addr() {
            Ok(_) => {
                self.connecting = false;
                io.connected = true;
                os::set_options(socket);
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => {}
            Err(error) => io.failed = Some(format!("connecting failed: {error}")),
        }
    }

    /// Reads what has come, up to a budget. A read that did not fill its room has emptied the socket, unless its end
    /// was announced.
    pub(super) fn read(&mut self, to_the_end: bool, io: &mut Io) {
        let Some(socket) = self.socket.as_mut().filter(|_| !self.connecting) else { return };
        self.unread = false;
        ROOM.with_borrow_mut(|room| {
            room.resize(READ_CHUNK, 0);
            let mut budget = READ_BUDGET;
            loop {
                match socket.read(room) {
                    Ok(0) => {
                        io.failed = Some("the server closed the connection".to_owned());
                        return;
                    }
                    Ok(count) => {
                        io.input.push(Bytes::copy_from_slice(room.get(..count).unwrap_or_default()));
                        if count < room.len() && !to_the_end {
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
                        io.failed = Some(format!("reading failed: {error}"));
                        return;
                    }
                }
            }
        });
    }
}

thread_local! {
    /// Where this thread reads into: one for all connections that it drives, so that a connection at rest holds none.
    static ROOM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A time-out as `Poll::poll` wants it. It rounds up by itself, so that a timer is due when it returns; rounding here as
/// well would turn 'do not wait' into a millisecond.
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
        let (poll, mut wire) = (os::Poll::new().expect("a poll"), Wire::default());
        wire.connect(address, poll.registry(), Token(0)).expect("it listens");
        let (mut server, _) = listener.accept().expect("it comes");
        wire.connecting = false;
        server.set_nonblocking(true).expect("an option");
        let mut sent = 0;
        while let Ok(count) = server.write(&[0; 1 << 16]) {
            sent += count; // as much as the two sockets hold
        }
        let mut got = 0;
        while got < sent {
            let mut io = Io::default();
            wire.read(true, &mut io);
            let now: usize = io.input.iter().map(Bytes::len).sum();
            assert!(now <= READ_BUDGET + READ_CHUNK, "{now} bytes at once");
            got += now;
            assert!(now < READ_BUDGET || wire.is_unread());
        }
    }

    #[test]
    fn not_to_wait_is_not_to_wait_a_millisecond() {
        assert_eq!(poll_limit(Some(Duration::ZERO)), Some(Duration::ZERO));
        assert_eq!(poll_limit(Some(Duration::MAX)), Some(Duration::from_secs(3600)));
        assert_eq!(poll_limit(None), None);
    }
}
