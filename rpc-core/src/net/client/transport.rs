//! Layer 4: the transport of a client: the socket that it connects, and the bytes that are to be written to it.
//!
//! ```text
//!  DOWN --- begin ---> CONNECTING --- the first of the attempts is connected ---> UP
//!    ^----- all have failed, or close ----'--------------- close -----------------'
//! ```
//! The bytes that are read are given to the protocol in [`TransportEvents`], since the thread that reads does not hold the
//! lock of the client's state.

use std::io;
use std::time::Duration;

use super::address_book::AddressBook;
use super::attempts::Attempts;
use super::reading::{self, Input};
use super::silence::Silence;
use crate::ids::Time;
use crate::limits::{ATTEMPT_DELAY, CLIENT_BUFFER_KEPT};
use crate::net::Address;
use crate::net::os::{self, Event, Registry, Token};
use crate::net::socket::{Progress, Socket};

/// The connection of a client, or none, with the bytes to be written to it.
#[derive(Debug, Default)]
pub(super) struct Transport {
    /// The socket and its stage.
    link: Link,
    /// The bytes to be written. Empty while there is no connection.
    pub(super) out: Vec<u8>,
    /// The length of the part of `out` that is written.
    written: usize,
    /// The room of a long frame that has begun, from the protocol: what follows is read into it.
    pub(super) room: Option<Vec<u8>>,
    /// The addresses that were tried since the last good connection, or since all of them were tried.
    tried: Vec<Address>,
    /// The address of the connection, or of the last attempt to make one.
    address: Option<Address>,
    /// True if `address` has changed since [`Transport::take_new_address`].
    is_new: bool,
    /// True if a server has answered on this connection.
    is_good: bool,
    /// True if all attempts since the first one of `tried` were refused, since nothing listens there.
    only_refused: bool,
    /// The bytes that have not come.
    pub(super) silence: Silence,
}

/// The stage of a client's connection.
#[derive(Debug, Default)]
enum Link {
    /// There is no connection.
    #[default]
    Down,
    /// The kernel connects. The sockets are neither read nor written.
    Connecting(Attempts),
    /// The socket is connected.
    Up(Socket),
}

impl Link {
    /// Returns the sockets.
    fn sockets(&mut self) -> impl Iterator<Item = &mut Socket> {
        let (attempts, up) = match self {
            Link::Down => (None, None),
            Link::Connecting(attempts) => (Some(attempts), None),
            Link::Up(socket) => (None, Some(socket)),
        };
        attempts.into_iter().flat_map(Attempts::sockets).chain(up)
    }
}

/// The events of a transport during one turn.
#[derive(Debug, Default)]
pub(super) struct TransportEvents {
    /// True if the connection was made.
    pub(super) connected: bool,
    /// True if all bytes were written before the poll.
    pub(super) flushed_first: bool,
    /// True if all bytes were written after the poll.
    pub(super) flushed: bool,
    /// The room of a long frame that had begun, and the number of bytes that were read into it before `input`.
    pub(super) room: Option<(Vec<u8>, usize)>,
    /// The bytes that were read.
    pub(super) input: Input,
    /// The reason why the connection has ended, if it has.
    pub(super) failed: Option<String>,
}

impl Transport {
    /// Returns true if the socket is connected.
    pub(super) fn is_connected(&self) -> bool {
        matches!(self.link, Link::Up(_))
    }

    /// Returns true if there may be bytes to read that no event announces: the last read has used its budget.
    pub(super) fn is_unread(&self) -> bool {
        matches!(&self.link, Link::Up(socket) if socket.may_read())
    }

    /// Begins a connection: see [`Transport::attempt`].
    pub(super) fn begin(&mut self) {
        self.room = None;
        self.out.clear();
        self.written = 0;
        self.link = Link::Connecting(Attempts::default());
        self.only_refused |= self.tried.is_empty();
        self.silence.begin(self.tried.is_empty());
    }

    /// Begins the attempts that are due, at addresses that were not tried. Returns true if all are tried and none has answered:
    /// then other addresses should be looked up.
    ///
    /// # Errors
    /// Every attempt has failed. The texts name the addresses.
    pub(super) fn attempt(
        &mut self,
        book: &AddressBook,
        registry: &Registry,
        token: Token,
        now: Time,
    ) -> Result<bool, String> {
        let Link::Connecting(attempts) = &mut self.link else { return Ok(false) };
        while attempts.next_at <= now {
            let Some(to) = book.untried(&self.tried) else {
                if attempts.is_empty() {
                    let why = attempts.why();
                    self.only_refused &= attempts.all_refused;
                    self.silence.not_connected(attempts.all_refused);
                    self.link = Link::Down;
                    return Err(why);
                }
                attempts.next_at = now.plus(ATTEMPT_DELAY); // a lookup may find another one meanwhile
                return Ok(true);
            };
            attempts.begin(&to, registry, token, now);
            (self.address, self.is_new) = (Some(to.clone()), true);
            self.tried.push(to);
        }
        Ok(false)
    }

    /// Returns the time at which [`Transport::attempt`] must be called next.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        match &self.link {
            Link::Connecting(attempts) => Some(attempts.next_at),
            Link::Up(_) => self.silence.poll_timeout(),
            Link::Down => None,
        }
    }

    /// Returns the address of the connection, or of the last attempt, if it has changed since the last question.
    pub(super) fn take_new_address(&mut self) -> Option<Address> {
        if std::mem::take(&mut self.is_new) { self.address.clone() } else { None }
    }

    /// Returns the address of the connection, or of the last attempt to make one.
    pub(super) fn address(&self) -> Option<Address> {
        self.address.clone()
    }

    /// Returns true if a server has answered on this connection.
    #[inline]
    pub(super) fn is_good(&self) -> bool {
        self.is_good
    }

    /// Notes that a server has answered on this connection. Returns its address.
    pub(super) fn note_good(&mut self) -> Option<Address> {
        self.is_good = true;
        self.silence.answered();
        self.address.clone()
    }

    /// Returns true if a server had answered on the connection that has ended, and forgets it.
    pub(super) fn take_good(&mut self) -> bool {
        std::mem::take(&mut self.is_good)
    }

    /// Returns the addresses that are not to be tried again now.
    pub(super) fn tried(&self) -> &[Address] {
        &self.tried
    }

    /// Returns true if nothing listens at any address, after the error of [`Transport::attempt`].
    pub(super) fn was_refused(&self) -> bool {
        self.only_refused
    }

    /// Begins with the first address again.
    pub(super) fn forget_tried(&mut self) {
        self.tried.clear();
    }

    /// Closes the socket. Bytes that were not written are lost. `by_peer`: the other side has ended the connection.
    pub(super) fn close(&mut self, registry: &Registry, by_peer: bool) {
        self.deregister(registry); // closing it does the same
        self.only_refused = false; // something answered, or nothing at all
        self.silence.end(by_peer);
        self.link = Link::Down;
        self.room = None;
        self.out.clear();
        self.written = 0;
    }

    /// Takes the socket out of a poll.
    pub(super) fn deregister(&mut self, registry: &Registry) {
        for socket in self.link.sockets() {
            let _ = socket.deregister(registry); // an error means that it was not registered there
        }
    }

    /// Registers the socket with a poll, which reports its readiness again.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.link.sockets().try_for_each(|socket| socket.register_again(registry, token))
    }

    /// Moves the socket from one poll to another.
    pub(super) fn move_to(&mut self, from: &Registry, to: &Registry, token: Token) -> io::Result<()> {
        self.deregister(from);
        self.register(to, token)
    }

    /// Does all that an event of the kernel allows: connects, writes, and reads.
    pub(super) fn handle_event(&mut self, event: &Event, seen: &mut TransportEvents) {
        match &mut self.link {
            Link::Down => return,
            Link::Up(socket) => socket.note(event),
            Link::Connecting(attempts) => {
                let Some((address, socket)) = attempts.finish(event) else { return };
                // The other attempts end here without a result, so their addresses are still to be tried.
                self.tried.retain(|tried| attempts.addresses().all(|begun| begun != tried));
                os::set_options(socket.stream());
                (self.address, self.is_new) = (Some(address), true);
                self.link = Link::Up(socket);
                seen.connected = true;
            }
        }
        if !self.out.is_empty() {
            self.flush(seen);
        }
        self.read(seen);
    }

    /// Writes until no byte is left or the kernel's buffer is full.
    pub(super) fn flush(&mut self, seen: &mut TransportEvents) {
        let Link::Up(socket) = &mut self.link else { return };
        if self.out.is_empty() {
            return;
        }
        while self.written < self.out.len() {
            if !socket.may_write() {
                return; // an event follows
            }
            match socket.write(self.out.get(self.written..).unwrap_or_default()) {
                Progress::Bytes(count) => self.written += count,
                Progress::Blocked => return,
                Progress::Ended => {} // only a read finds an end
                Progress::Failed(error) => {
                    seen.failed = Some(format!("writing failed: {error}"));
                    return;
                }
            }
        }
        debug_assert_eq!(self.written, self.out.len(), "the kernel takes no more than it is given");
        self.written = 0;
        self.out.clear();
        // After one long call the memory is given back.
        self.out.shrink_to(CLIENT_BUFFER_KEPT);
        seen.flushed = true;
    }

    /// Reads until the socket is empty or the budget of one turn is used; then [`Transport::is_unread`] is true.
    pub(super) fn read(&mut self, seen: &mut TransportEvents) {
        let Link::Up(socket) = &mut self.link else { return };
        if !socket.may_read() {
            return;
        }
        reading::read(socket, self.room.take(), seen);
        self.silence.note_read(!seen.input.is_empty());
    }

    /// Continues a read that used its budget in an earlier turn. Returns true if there was one.
    #[inline]
    pub(super) fn read_on(&mut self, seen: &mut TransportEvents) -> bool {
        let unread = self.is_unread() && seen.input.is_empty();
        if unread {
            self.read(seen);
        }
        unread
    }

    /// Reads to find out if the server has closed the connection, which no event has told yet.
    pub(super) fn read_to_the_end(&mut self, seen: &mut TransportEvents) {
        if let Link::Up(socket) = &mut self.link {
            socket.suspect_end();
            self.read(seen);
        }
    }
}

/// Returns a time-out for `Poll::poll`, at most an hour. `poll` rounds up by itself, so that a timer is due when it returns;
/// rounding here as well would turn zero into a millisecond.
pub(super) fn poll_limit(limit: Option<Duration>) -> Option<Duration> {
    limit.map(|limit| limit.min(Duration::from_secs(3600)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::limits::{READ_BUDGET, READ_CHUNK};

    #[test]
    fn one_read_takes_its_budget_and_the_next_ones_the_rest() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (poll, mut transport) = (os::Poll::new().expect("a poll"), Transport::default());
        let stream = os::Stream::connect(&address.into()).expect("it listens");
        transport.link =
            Link::Up(Socket::register(stream, poll.registry(), Token(0)).expect("it is registered"));
        let (mut server, _) = listener.accept().expect("it comes");
        server.set_nonblocking(true).expect("an option");
        let mut sent = 0;
        while let Ok(count) = server.write(&[0; 1 << 16]) {
            sent += count; // as much as the two sockets hold
        }
        let mut got = 0;
        while got < sent {
            let mut seen = TransportEvents::default();
            transport.read_to_the_end(&mut seen);
            let now: usize = seen.input.pieces().map(|piece| piece.len()).sum();
            assert!(now <= READ_BUDGET + READ_CHUNK, "{now} bytes at once");
            got += now;
            assert!(now < READ_BUDGET || transport.is_unread());
        }
    }

    #[test]
    fn not_to_wait_is_not_to_wait_a_millisecond() {
        assert_eq!(poll_limit(Some(Duration::ZERO)), Some(Duration::ZERO));
        assert_eq!(poll_limit(Some(Duration::MAX)), Some(Duration::from_secs(3600)));
        assert_eq!(poll_limit(None), None);
    }
}
