//! Floor 4: the TCP client: connecting, and the threads that share a connection.

mod background;
mod driver;
mod shared;
mod state;
#[cfg(test)]
mod tests;
mod wire;

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::call::{ByName, Caller, Client, names};
use crate::contract::Contract;
use crate::ids::{Clock, Time};
use crate::limits::{ClientLimits, DEFAULT_DEADLINE, MAX_GREETING, MAX_NAME, MAX_NAMES, MAX_SERVICES};
use crate::proto::client::{ClientConfig, ClientCore};
use crate::wire::message::{FEATURE_NO_BODY_CHECKSUM, Hello};
use driver::Driver;
use shared::{Shared, TcpChannel};
use state::{State, Wakes};

use super::{MonotonicClock, os};

/// Why a client could not be made. Nothing was called.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address cannot be resolved.
    #[error("cannot find the address of the server: {0}; check the host name and the port")]
    Address(#[source] std::io::Error),
    /// Nobody answered as a server should.
    #[error("cannot reach {server}: {detail}; is the server running there?")]
    Unreachable {
        /// Where.
        server: Arc<str>,
        /// What was seen last.
        detail: String,
    },
    /// Somebody answered, and refused.
    #[error("{server} answered, but {detail}")]
    Rejected {
        /// Where.
        server: Arc<str>,
        /// What it said.
        detail: String,
    },
    /// More services than a HELLO can name.
    #[error(
        "{0} services do not fit into a HELLO of {MAX_GREETING} bytes, {MAX_SERVICES} at the most; use two clients"
    )]
    TooManyServices(usize),
    /// The name of a service that no server can have.
    #[error("a service's name of {0} bytes; at most {MAX_NAME} travel")]
    LongName(usize),
    /// Each name that a client without a trait uses is kept for ever.
    #[error("this process has used {MAX_NAMES} remote names, which is the limit")]
    TooManyNames,
    /// The operating system refused what a client needs (a poll, a descriptor).
    #[error("the operating system refused a client its means: {0}")]
    System(#[source] std::io::Error),
}

/// Connects a stub with the default settings. Generated code calls it.
///
/// # Errors
/// When the server cannot be reached now. A connection that is lost later is made again by itself.
pub fn connect<C: Client>(addr: impl ToSocketAddrs) -> Result<C, ConnectError> {
    Connector::new().connect(addr)
}

/// Settings of a client, and the way to make one.
#[derive(Clone, Debug)]
pub struct Connector {
    limits: ClientLimits,
    deadline: Duration,
    patience: Duration,
    contracts: Vec<&'static Contract>,
    features: u32,
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}

impl Connector {
    /// The default settings.
    pub fn new() -> Self {
        Connector {
            limits: ClientLimits::default(),
            deadline: DEFAULT_DEADLINE,
            patience: Duration::ZERO,
            contracts: Vec::new(),
            features: 0,
        }
    }

    /// The deadline of calls whose method and stub name none; 5 s otherwise.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long a server that does not answer is tried again; otherwise every address is tried once.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How many calls may be under way at once: 1 to 1,024; 64 otherwise.
    pub fn slots(mut self, slots: u16) -> Self {
        self.limits.slots = slots.max(1);
        self
    }

    /// Other bounds and times than the defaults.
    pub fn limits(mut self, limits: ClientLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Announces another service of the same server, so that its stub can share the session: see [`Connector::share`].
    pub fn also<C: Client>(mut self) -> Self {
        self.contracts.push(C::CONTRACT);
        self
    }

    /// Asks to leave bodies without a checksum, for large values over links that check their own.
    pub fn without_body_checksum(mut self) -> Self {
        self.features |= FEATURE_NO_BODY_CHECKSUM;
        self
    }

    /// A stub of another service over the session of a stub that was connected with [`Connector::also`].
    pub fn share<C: Client, D: Client>(client: &crate::call::Handle<C>) -> D {
        D::from_caller(client.caller().clone())
    }

    /// Connects: returns when the session stands.
    ///
    /// # Errors
    /// When the address cannot be resolved, or no server answers within the patience.
    pub fn connect<C: Client>(mut self, addr: impl ToSocketAddrs) -> Result<C, ConnectError> {
        self.contracts.insert(0, C::CONTRACT);
        self.caller(addr).map(C::from_caller)
    }

    /// Connects a client that has no trait and calls methods of these services by name: see [`ByName`].
    ///
    /// # Errors
    /// As [`Connector::connect`]; also when this process has used too many names.
    pub fn connect_by_name(
        mut self,
        addr: impl ToSocketAddrs,
        services: &[&str],
    ) -> Result<ByName, ConnectError> {
        for service in services {
            if service.len() > MAX_NAME {
                return Err(ConnectError::LongName(service.len()));
            }
            self.contracts.push(names::service(service).ok_or(ConnectError::TooManyNames)?);
        }
        self.caller(addr).map(ByName::new)
    }

    /// What carries the calls of all services that are announced.
    fn caller(self, addr: impl ToSocketAddrs) -> Result<Caller, ConnectError> {
        let hello = Hello::new(0, 0, &self.contracts).encode().len() + 48; // and what a resumption adds
        if self.contracts.len() > MAX_SERVICES || hello > MAX_GREETING {
            return Err(ConnectError::TooManyServices(self.contracts.len()));
        }
        let addresses: Vec<SocketAddr> = addr.to_socket_addrs().map_err(ConnectError::Address)?.collect();
        let Some(first) = addresses.first() else {
            let none = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
            return Err(ConnectError::Address(none));
        };
        let peer: Arc<str> = first.to_string().into();
        let (deadline, max_frame) = (self.deadline, self.limits.max_frame);
        let channel = self.open(peer, addresses)?;
        Ok(Caller::new(Arc::new(channel), deadline, max_frame))
    }

    fn open(self, peer: Arc<str>, addresses: Vec<SocketAddr>) -> Result<TcpChannel, ConnectError> {
        let (driver, waker) = Driver::open().map_err(ConnectError::System)?;
        let clock = MonotonicClock::new();
        let seed = os::seed();
        let patience = clock.now().plus(self.patience);
        let config =
            ClientConfig { limits: self.limits, contracts: self.contracts, features: self.features, seed };
        let state = State::new(ClientCore::new(config.clone()), driver, waker);
        let shared = Shared::new(state, clock, Arc::clone(&peer), addresses, config);
        let channel = TcpChannel { shared };
        channel.shared.greet(patience)?;
        Ok(channel)
    }
}

impl Shared {
    /// Drives until the session stands, every address was tried, or the server has refused.
    fn greet(&self, patience: Time) -> Result<(), ConnectError> {
        let tries = self.address_count() as u64;
        let mut state = self.lock();
        let finished = |state: &State| {
            let tried = state.core.failed_attempts() >= tries && self.clock.now() >= patience;
            state.core.is_ready() || state.core.is_rejected() || tried
        };
        let nobody = state.waiters.expect();
        let mut wakes = Wakes::default();
        let attempts = self.limits().connect.saturating_mul(4 * self.address_count() as u32); // connect, greet, pause
        let until = Some(patience.max(self.clock.now()).plus(attempts)); // a server may greet and then say no more
        let mut state = self.attend(state, nobody, until, &finished, &mut wakes);
        let _ = state.waiters.remove(nobody);
        let ready = state.core.is_ready();
        let detail = match state.core.last_failure() {
            "" => "it does not say which methods it has".to_owned(),
            failure => failure.to_owned(),
        };
        let server = Arc::clone(&self.peer);
        let rejected = state.core.is_rejected() || state.core.is_foreign();
        drop(state);
        wakes.send();
        match (ready, rejected) {
            (true, _) => Ok(()),
            (false, true) => Err(ConnectError::Rejected { server, detail }),
            (false, false) => Err(ConnectError::Unreachable { server, detail }),
        }
    }
}
