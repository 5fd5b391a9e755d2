//! Layer 4: the listening socket: how it is bound, how it accepts, and how it waits for descriptors.
//!
//! ```text
//!  ready:  false --- event ---> true --- accept would block ---> false
//!  pause:  none --- no descriptor left, or as many connections as the limit allows ---> until now + ACCEPT_PAUSE ---> none
//! ```
//! While accepting pauses, the loops close connections that are idle.
//! `ready` stays true in a pause: no second event follows for a connection that waits already.

use std::fmt::Debug;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};

use super::error::ServeError;
use crate::ids::Time;
use crate::limits::{ACCEPT_PAUSE, EVENT_EVERY};
use crate::log;
use crate::net::os::{self, BoundListener, Interest, Registry, TcpListener, TcpStream, Token};

/// Listens at the first of the addresses that is available.
pub(super) fn bind(address: impl ToSocketAddrs + Debug) -> Result<BoundListener, ServeError> {
    let failed = |source| ServeError::Bind { address: format!("{address:?}"), source };
    let mut last = io::Error::new(ErrorKind::InvalidInput, "the name has no address");
    for candidate in address.to_socket_addrs().map_err(failed)? {
        match os::listen(candidate) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

/// Accepts the connections of all loops of a server.
#[derive(Debug)]
pub(super) struct Acceptor {
    /// The socket, registered with the poll of the first loop.
    listener: TcpListener,
    /// True if there may be connections to accept: set by an event, cleared when accepting would block.
    pub(super) ready: bool,
    /// The end of a pause, if accepting pauses.
    paused_until: Option<Time>,
    /// The time from which a pause is reported again: while a shortage lasts, one pause follows the other.
    report_from: Time,
}

impl Acceptor {
    /// Registers the listener with a poll.
    pub(super) fn register(listener: BoundListener, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut listener = TcpListener::from_std(listener);
        registry.register(&mut listener, token, Interest::READABLE)?;
        Ok(Acceptor { listener, ready: true, paused_until: None, report_from: Time::default() })
    }

    /// Returns the end of the pause, if accepting pauses.
    pub(super) fn paused_until(&self) -> Option<Time> {
        self.paused_until
    }

    /// Returns true if a connection may be there and accepting does not pause.
    pub(super) fn may_accept(&self, now: Time) -> bool {
        self.ready && self.paused_until.is_none_or(|until| until <= now)
    }

    /// Accepts the next connection and sets its options. Returns `None` if there is none now.
    pub(super) fn accept(&mut self, now: Time) -> Option<(TcpStream, SocketAddr)> {
        self.paused_until = None;
        loop {
            let error = match self.listener.accept() {
                Ok((stream, peer)) => {
                    os::set_options(&stream);
                    return Some((stream, peer));
                }
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::WouldBlock => {
                    self.ready = false;
                    return None;
                }
                // The client has gone while it waited to be accepted. The next one is tried.
                ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => {}
                // Mostly: the process has no descriptor left. To try at once again would use the whole processor.
                _ => {
                    self.pause(now, &error.to_string());
                    return None;
                }
            }
        }
    }

    /// Accepts nothing for a while. New connections wait in the kernel.
    pub(super) fn pause(&mut self, now: Time, why: &str) {
        self.paused_until = Some(now.plus(ACCEPT_PAUSE));
        if now >= self.report_from {
            self.report_from = now.plus(EVENT_EVERY);
            log::warn!(why, "accepting connections is paused, again and again while it lasts");
        }
    }
}
