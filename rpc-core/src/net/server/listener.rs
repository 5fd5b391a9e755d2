//! Floor 4: the listening socket: binding it, accepting from it, and living on when descriptors run out.

use std::fmt::Debug;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};

use super::error::ServeError;
use crate::ids::Time;
use crate::limits::{ACCEPT_LOG, ACCEPT_PAUSE};
use crate::net::os::{self, BoundListener, Interest, Registry, TcpListener, TcpStream, Token};

/// Listens on the first of the addresses that can be had.
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

/// Accepts for all loops of a server.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: TcpListener,
    /// There may be connections to accept.
    pub(super) ready: bool,
    paused_until: Option<Time>,
    logged: Option<Time>,
}

impl Acceptor {
    pub(super) fn register(listener: BoundListener, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut listener = TcpListener::from_std(listener);
        registry.register(&mut listener, token, Interest::READABLE)?;
        Ok(Acceptor { listener, ready: true, paused_until: None, logged: None })
    }

    /// When accepting goes on after a pause.
    pub(super) fn paused_until(&self) -> Option<Time> {
        self.paused_until
    }

    /// Whether accepting would be of use now.
    pub(super) fn may_accept(&self, now: Time) -> bool {
        self.ready && self.paused_until.is_none_or(|until| until <= now)
    }

    /// The next connection, with its options set. `None`: none now.
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
                ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => {}
                _ => {
                    self.pause(now, &error.to_string()); // out of descriptors, mostly
                    return None;
                }
            }
        }
    }

    /// Accepts nothing for a while; those who connect wait in the kernel.
    pub(super) fn pause(&mut self, now: Time, why: &str) {
        self.paused_until = Some(now.plus(ACCEPT_PAUSE));
        if self.logged.is_none_or(|last| now.since(last) >= ACCEPT_LOG) {
            self.logged = Some(now);
            tracing::warn!(why, "accepting pauses");
        }
    }

    pub(super) fn close(mut self, registry: &Registry) {
        if let Err(error) = registry.deregister(&mut self.listener) {
            tracing::debug!(%error, "the listener could not be deregistered; closing it does as much");
        }
    }
}
