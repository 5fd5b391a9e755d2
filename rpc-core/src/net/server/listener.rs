//! Layer 4: the listening socket: how it is bound, how it accepts, and how it waits for descriptors.
//!
//! ```text
//!  ready:  false --- event ---> true --- accept would block ---> false
//!  pause:  none --- no descriptor left, or as many connections as the limit allows ---> until now + ACCEPT_PAUSE ---> none
//! ```
//! While accepting pauses, the loops close connections that are idle.
//! `ready` stays true in a pause: no second event follows for a connection that waits already.

use std::io::{self, ErrorKind};

use super::error::ServeError;
use crate::ids::Time;
use crate::limits::{ACCEPT_PAUSE, EVENT_EVERY};
use crate::log;
use crate::net::Addresses;
use crate::net::os::{self, Interest, Listener, PolledListener, Registry, Stream, Token};
use crate::proto::peer::Peer;

impl Listener {
    /// Listens at the first of the addresses that is available. For port 0 the operating system chooses a port.
    ///
    /// The path of a Unix socket gets a file with the permissions of the process's umask: a user that may write to it can connect. The file
    /// of a dead server is replaced; that of a server that listens, or a file that is no socket, is an error. The server removes
    /// its file when it ends.
    ///
    /// # Errors
    /// Returns an error if none of the addresses is available.
    pub fn bind(addresses: impl Into<Addresses>) -> Result<Listener, ServeError> {
        let addresses = addresses.into();
        let failed = |source| ServeError::Bind { address: addresses.to_string(), source };
        let mut last = io::Error::new(
            ErrorKind::InvalidInput,
            "there is none: the list is empty, or the name has no address",
        );
        for candidate in addresses.resolve().map_err(failed)? {
            match Listener::listen(&candidate) {
                Ok(listener) => return Ok(listener),
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }
}

/// Accepts the connections of all loops of a server, at all of its listeners.
#[derive(Debug)]
pub(super) struct Acceptor {
    /// The sockets, registered with the poll of the first loop under one token: an event makes all of them be tried.
    listeners: Vec<PolledListener>,
    /// The listener that is tried next. Those in turn, so that a flood at one does not shut out the others.
    next: usize,
    /// True if there may be connections to accept: set by an event, cleared when accepting would block.
    pub(super) ready: bool,
    /// The end of a pause, if accepting pauses.
    paused_until: Option<Time>,
    /// The time from which a pause is reported again: while a shortage lasts, one pause follows the other.
    report_from: Time,
}

impl Acceptor {
    /// Registers the listeners with a poll.
    pub(super) fn register(listeners: Vec<Listener>, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut polled = Vec::with_capacity(listeners.len());
        for listener in listeners {
            let mut listener = PolledListener::new(listener)?;
            registry.register(&mut listener, token, Interest::READABLE)?;
            polled.push(listener);
        }
        let report_from = Time::default();
        Ok(Acceptor { listeners: polled, next: 0, ready: true, paused_until: None, report_from })
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
    pub(super) fn accept(&mut self, now: Time) -> Option<(Stream, Peer)> {
        self.paused_until = None;
        let mut blocked = 0;
        while blocked < self.listeners.len() {
            let at = self.next % self.listeners.len();
            self.next = at + 1;
            let error = match self.listeners[at].accept() {
                Ok((stream, peer)) => {
                    os::set_options(&stream);
                    return Some((stream, peer));
                }
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::WouldBlock => blocked += 1,
                // The client has gone while it waited to be accepted. The next one is tried.
                ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => {
                    (self.next, blocked) = (at, 0);
                }
                // Mostly: the process has no descriptor left. To try at once again would use the whole processor.
                _ => {
                    self.pause(now, &error.to_string());
                    return None;
                }
            }
        }
        self.ready = false;
        None
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
