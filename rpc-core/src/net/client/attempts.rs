//! Layer 4: the attempts to connect that overlap: one for each address, a quarter of a second apart.
//!
//! ```text
//!  address 1  |---- no answer ------------------------------------------- closed
//!  address 2  |      250 ms     |-- refused
//!  address 3  |                     |--- connected: the others are closed
//! ```
//! So an address at which nothing answers costs [`ATTEMPT_DELAY`], and one that refuses costs nothing (RFC 8305, *Happy
//! Eyeballs Version 2*, section 5). The protocol sees one attempt, which succeeds or fails as a whole.

use std::io::ErrorKind;

use crate::ids::Time;
use crate::limits::ATTEMPT_DELAY;
use crate::net::Address;
use crate::net::os::{Event, Registry, Stream, Token};
use crate::net::socket::Socket;

/// The attempts of one connection. All sockets have the same token, since any event makes all of them be looked at.
#[derive(Debug)]
pub(super) struct Attempts {
    /// The sockets that connect, and their addresses.
    sockets: Vec<(Address, Socket)>,
    /// The texts of the attempts that have failed.
    failures: Vec<String>,
    /// True if all that have failed were refused, since nothing listens there.
    pub(super) all_refused: bool,
    /// The time of the next attempt.
    pub(super) next_at: Time,
}

impl Default for Attempts {
    fn default() -> Self {
        Attempts { sockets: Vec::new(), failures: Vec::new(), all_refused: true, next_at: Time::default() }
    }
}

impl Attempts {
    /// Begins to connect to an address.
    pub(super) fn begin(&mut self, to: &Address, registry: &Registry, token: Token, now: Time) {
        match Stream::connect(to).and_then(|stream| Socket::register(stream, registry, token)) {
            Ok(socket) => {
                self.sockets.push((to.clone(), socket));
                self.next_at = now.plus(ATTEMPT_DELAY);
            }
            Err(error) => self.failed(to, &error),
        }
    }

    /// Notes a failure: the next address is tried at once.
    fn failed(&mut self, to: &Address, error: &std::io::Error) {
        self.failures.push(format!("connecting to {to} failed: {error}"));
        self.all_refused &= error.kind() == ErrorKind::ConnectionRefused;
        self.next_at = Time::default();
    }

    /// Looks at all sockets after an event. Returns the one that is connected; the others go on until they are dropped.
    pub(super) fn finish(&mut self, event: &Event) -> Option<(Address, Socket)> {
        let mut at = 0;
        while let Some((_, socket)) = self.sockets.get_mut(at) {
            socket.note(event);
            let error = match socket.stream().take_error() {
                Ok(Some(error)) | Err(error) => Some(error),
                // A socket without an error may still be connecting: only a connected one has a peer.
                Ok(None) => match socket.stream().connected() {
                    Ok(_) => return Some(self.sockets.swap_remove(at)),
                    Err(error) => Some(error).filter(|error| error.kind() != ErrorKind::NotConnected),
                },
            };
            match error {
                Some(error) => {
                    let (address, _) = self.sockets.swap_remove(at);
                    self.failed(&address, &error);
                }
                None => at += 1,
            }
        }
        None
    }

    /// Returns true if none is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Returns the reasons of the failures.
    pub(super) fn why(&self) -> String {
        self.failures.join("; ")
    }

    /// Returns the addresses of the attempts that are under way.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.sockets.iter().map(|(address, _)| address)
    }

    /// Returns the sockets.
    pub(super) fn sockets(&mut self) -> impl Iterator<Item = &mut Socket> {
        self.sockets.iter_mut().map(|(_, socket)| socket)
    }
}
