//! Layer 4: the TCP client: how it connects, and how its threads share one connection.
//!
//! A call goes through `channel` ([`TcpChannel`]) into the `state` ([`ClientState`]) under the lock of `inner`
//! ([`ClientInner`]). One thread at a time drives: `driver` moves bytes between the protocol and the `transport`. For calls that
//! no thread waits for, `background` drives. `connecting` finds the server: the `address_book` knows the order of its addresses,
//! and the `attempts` at them overlap. `services` compares what is wanted
//! with what the server has, and `news` tells an operator. Cases that few clients meet are in `special_cases`.
//!
//! ```text
//!  stub --> TcpChannel::call --> [lock] ClientCore::start --> wait_until --> drive --> Transport --> the kernel
//!    ^                                                            |            |
//!    '---- Waiters: the outcome of the call <---------------------'            '--- [lock] ClientCore::handle_input
//! ```

mod address_book;
mod addresses;
mod attempts;
mod background;
mod channel;
mod connecting;
mod driver;
mod home_process;
mod inner;
mod news;
mod reading;
mod services;
mod silence;
mod special_cases;
mod state;
#[cfg(test)]
mod tests;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::call::{ByName, Caller, Client, names};
use crate::contract::Contract;
use crate::ids::{Clock, Nonce, Time};
use crate::limits::{
    ClientLimits, DEFAULT_DEADLINE, MAX_NAME, MAX_NAMES, MAX_OPENING_HELLO, MAX_SERVICES, SettingError,
    check_deadline, check_time,
};
use crate::proto::client::{ClientConfig, ClientCore};
use crate::text::Escaped;
use crate::wire::message::{FEATURE_NO_BODY_CHECKSUM, FEATURES, Hello};
use address_book::{AddressBook, Rejection};
pub use addresses::Addresses;
use channel::TcpChannel;
use driver::Driver;
use inner::ClientInner;
use services::{Quoted, Served};
use special_cases::ForkedChannel;
use state::{ClientState, PendingWakeups};

use super::sync::atomic::Ordering;
use super::{MonotonicClock, os};

/// The error of a client that could not connect. No call was sent.
///
/// ```
/// use rpc_core::ConnectError;
///
/// /// Returns true if the same attempt may succeed later, with the program and its settings as they are.
/// fn may_pass(error: &ConnectError) -> bool {
///     matches!(error, ConnectError::Unreachable { .. } | ConnectError::System(_))
/// }
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address cannot be resolved.
    #[error("cannot find the address of the server: {0}; check the host name and the port")]
    Address(#[source] std::io::Error),
    /// No server replied in time.
    #[error("cannot reach {server}: {}; is the server running there?", Escaped(detail))]
    Unreachable {
        /// The address of the server.
        server: Arc<str>,
        /// The last failure.
        detail: String,
    },
    /// A server replied, and refused the client. No other address of the server had one that accepts it.
    #[error("{server} replied, but {}", Escaped(detail))]
    Rejected {
        /// The address of the server that has refused it last.
        server: Arc<str>,
        /// The reason that the server gave, as it has sent it.
        detail: String,
    },
    /// The server replied, and does not have a service that the client was connected for.
    #[error("{server} has no service {}{}", Quoted(services), Served(served))]
    NoSuchService {
        /// The address of the server.
        server: Arc<str>,
        /// The services that it does not have.
        services: Vec<String>,
        /// The services that it has, as it has sent their names, but for the one that describes it. Empty if it did not say.
        served: Vec<String>,
    },
    /// A setting is outside its bounds, or contradicts another one.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// Values of a method's types would not arrive as they were sent.
    #[error("`{method}` cannot be called: {why}")]
    Unsendable {
        /// The method.
        method: &'static str,
        /// The type, and what is wrong with it.
        why: &'static str,
    },
    /// There are more services than fit into a HELLO.
    #[error(
        "{0} services do not fit into a HELLO of {MAX_OPENING_HELLO} bytes, {MAX_SERVICES} at the most; use two clients"
    )]
    TooManyServices(usize),
    /// A service's name is too long.
    #[error("a service's name of {0} bytes; the limit is {MAX_NAME}")]
    LongName(usize),
    /// Too many names were used without a trait: each such name is kept for the life of the process.
    #[error("this process has used {MAX_NAMES} remote names, which is the limit")]
    TooManyNames,
    /// The operating system refused a resource: a descriptor, or memory.
    #[error("cannot create the client's poll or waker: {0}")]
    System(#[source] std::io::Error),
}

/// Connects a stub with the default settings. Generated code calls it.
///
/// # Errors
/// Returns an error if the server cannot be reached now, or does not have the service. A connection that is lost later is made again automatically.
pub fn connect<C: Client>(addr: impl Into<Addresses>) -> Result<C, ConnectError> {
    Connector::new().connect(addr)
}

/// The settings of a client, and the methods that connect it.
///
/// ```
/// use std::time::Duration;
/// use rpc_core::{Connector, Health, HealthClient, Server};
///
/// # let server = Server::builder().service(Health::new()).bind("127.0.0.1:0")?.spawn()?;
/// let settings = Connector::new()
///     .connect_timeout(Duration::from_secs(10)) // the server may be about to start
///     .deadline(Duration::from_secs(2));
/// let health: HealthClient = settings.connect(server.local_addr())?;
/// # health.call.close();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Connector {
    /// The bounds of the client.
    limits: ClientLimits,
    /// The deadline of calls whose method and stub have none.
    deadline: Duration,
    /// The time for which a server that does not reply is tried again.
    connect_timeout: Duration,
    /// The services that the client announces.
    contracts: Vec<&'static Contract>,
    /// The optional features that the client asks for.
    features: u32,
    /// True if calls end as soon as the server could not be reached at any of its addresses.
    fail_fast: bool,
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}

impl Connector {
    /// Returns the default settings.
    pub fn new() -> Self {
        Connector {
            limits: ClientLimits::default(),
            deadline: DEFAULT_DEADLINE,
            connect_timeout: Duration::ZERO,
            contracts: Vec::new(),
            features: 0,
            fail_fast: false,
        }
    }

    /// Sets the deadline of calls whose method and stub have none. The default is 5 s. [`Duration::MAX`] is no deadline: such a call
    /// waits until its outcome is known, however long no server answers.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the time for which a server that does not reply is tried again. By default every address is tried once.
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// Sets if calls end as soon as every address of the server was tried once and has failed (`true`), or wait for the server
    /// until their deadlines (`false`, the default). [`Handle::fail_fast`](crate::call::Handle::fail_fast) sets it for one call.
    ///
    /// Such a call is `NotExecuted` with [`Reason::Unreachable`](crate::error::Reason::Unreachable) if it was not sent. If it was,
    /// it is `Unknown`, and can be resolved later. It ends only for want of a connection: a
    /// server that is connected and does not reply is waited for.
    #[doc = include_str!("fail_fast.md")]
    pub fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.fail_fast = fail_fast;
        self
    }

    /// Sets the number of calls that can be in flight at once: 1 to 1,024. The default is 64.
    pub fn slots(mut self, slots: u16) -> Self {
        self.limits.slots = slots;
        self
    }

    /// Sets all bounds and times of the client.
    pub fn limits(mut self, limits: ClientLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Announces another service of the same server, so that its stub can share the session: see [`Connector::share`].
    pub fn also<C: Client>(mut self) -> Self {
        self.contracts.push(C::CONTRACT);
        self
    }

    /// Asks to send bodies without a checksum, for large values over links that have their own.
    pub fn without_body_checksum(mut self) -> Self {
        self.features |= FEATURE_NO_BODY_CHECKSUM;
        self
    }

    /// Returns a stub of another service that uses the session of `client`, which was connected with [`Connector::also`].
    ///
    /// ```
    /// use rpc_core::{ConnectError, Connector, HealthClient, rpc};
    ///
    /// #[rpc]
    /// pub trait Kv {
    ///     fn get(&self, key: &str) -> Option<String>;
    /// }
    ///
    /// fn both(address: &str) -> Result<(KvClient, HealthClient), ConnectError> {
    ///     let kv: KvClient = Connector::new().also::<HealthClient>().connect(address)?;
    ///     let health = Connector::share(&kv.call); // the same connection
    ///     Ok((kv, health))
    /// }
    /// ```
    pub fn share<C: Client, D: Client>(client: &crate::call::Handle<C>) -> D {
        D::from_caller(client.caller().clone())
    }

    /// Connects a stub, and returns once the server has accepted the session.
    ///
    /// # Errors
    /// Returns an error if a setting is outside its bounds, if the address cannot be resolved, if no server replies within the
    /// `connect_timeout`, or if the server does not have the service, or one that was announced with [`Connector::also`].
    ///
    /// ```no_run
    /// use rpc_core::{ConnectError, Connector, rpc};
    ///
    /// #[rpc]
    /// pub trait Kv {
    ///     fn get(&self, key: &str) -> Option<String>;
    /// }
    ///
    /// match Connector::new().connect::<KvClient>("127.0.0.1:4000") {
    ///     Ok(kv) => println!("connected to {}", kv.call.peer()),
    ///     Err(ConnectError::NoSuchService { served, .. }) => println!("that server is for {served:?}"),
    ///     Err(error) => println!("{error}"),
    /// }
    /// ```
    pub fn connect<C: Client>(mut self, addr: impl Into<Addresses>) -> Result<C, ConnectError> {
        self.contracts.insert(0, C::CONTRACT);
        self.caller(addr).map(C::from_caller)
    }

    /// Connects a client without a trait, which calls methods of these services by name: see [`ByName`].
    ///
    /// # Errors
    /// See [`Connector::connect`]. Also returns an error if this process has used too many names.
    pub fn connect_by_name(
        mut self,
        addr: impl Into<Addresses>,
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

    /// Connects to the address, and returns the caller of all announced services.
    fn caller(self, addr: impl Into<Addresses>) -> Result<Caller, ConnectError> {
        self.limits.check()?;
        check_deadline("Connector::deadline", self.deadline)?;
        check_time("Connector::connect_timeout", self.connect_timeout)?;
        if let Some((method, why)) = self.contracts.iter().find_map(|contract| contract.unsendable()) {
            return Err(ConnectError::Unsendable { method, why });
        }
        let hello = Hello { nonce: Some(Nonce([0; 16])), ..Hello::new(0, FEATURES, &self.contracts) };
        if self.contracts.len() > MAX_SERVICES || hello.encode().len() > MAX_OPENING_HELLO {
            return Err(ConnectError::TooManyServices(self.contracts.len()));
        }
        let source = addr.into();
        let book = source.resolve().and_then(|first| AddressBook::new(source, first));
        let book = book.map_err(ConnectError::Address)?;
        let (deadline, bounds, fail_fast) = (self.deadline, self.limits.bounds_of_a_value(), self.fail_fast);
        let channel = self.open(book)?;
        let caller = Caller::new(Arc::new(ForkedChannel::new(channel)), deadline, bounds);
        Ok(caller.with_fail_fast(fail_fast))
    }

    /// Opens a channel, and waits until its session is ready.
    fn open(self, book: AddressBook) -> Result<TcpChannel, ConnectError> {
        let (driver, waker) = Driver::open(&self.limits).map_err(ConnectError::System)?;
        let clock = MonotonicClock::new();
        let seed = os::seed();
        let connect_timeout = clock.now().plus(self.connect_timeout);
        let config =
            ClientConfig { limits: self.limits, contracts: self.contracts, features: self.features, seed };
        let state = ClientState::new(ClientCore::with_nonces(config.clone(), draw_nonce), driver, waker);
        let inner = ClientInner::new(state, clock, book, config);
        let channel = TcpChannel { inner };
        channel.inner.greet(connect_timeout)?;
        channel.inner.check_services()?; // on an error the channel is dropped, and says BYE
        Ok(channel)
    }
}

/// Draws the nonce of a session. Without randomness the session is opened without one.
pub(super) fn draw_nonce(_: &mut fastrand::Rng) -> Option<Nonce> {
    let bytes = os::random_bytes().ok()?;
    bytes.first_chunk().copied().map(Nonce)
}

impl ClientInner {
    /// Drives until the session is ready, or every address was tried.
    fn greet(&self, connect_timeout: Time) -> Result<(), ConnectError> {
        // Each address has the time of one attempt: a server may accept the connection and then never reply.
        let attempts = self.limits().connect.saturating_mul(self.book.len() as u32);
        self.wait_until_ready(connect_timeout, connect_timeout.max(self.clock.now().plus(attempts)))
    }

    /// Connects a forked child, which waits for the time of one attempt at most.
    fn greet_child(&self) {
        let now = self.clock.now();
        let _ = self.wait_until_ready(now, now.plus(self.limits().connect)); // its calls find out by themselves
    }

    /// Drives until the session is ready, the servers at all addresses have refused, or `until`; or until `connect_timeout` has
    /// passed and each address was tried once.
    fn wait_until_ready(&self, connect_timeout: Time, until: Time) -> Result<(), ConnectError> {
        let mut state = self.lock();
        let finished = |state: &ClientState| {
            let tried = self.rounds_failed.load(Ordering::Relaxed) > 0 && self.clock.now() >= connect_timeout;
            state.core.is_ready() || self.book.all_reject() || tried
        };
        let ticket = state.waiters.register();
        let mut wakeups = PendingWakeups::default();
        let mut state = self.wait_until(state, ticket, Some(until), &finished, &mut wakeups);
        let _ = state.waiters.remove(ticket);
        let ready = state.core.is_ready();
        let detail = match state.core.last_failure() {
            "" if state.core.counters().sessions == 0 => "the server did not answer in time".to_owned(),
            "" => "it did not send its method table in time".to_owned(),
            failure => failure.to_owned(),
        };
        let (server, is_foreign) = (self.peer(), state.core.is_foreign());
        drop(state);
        wakeups.send();
        // A server that has refused says more than an address at which there is none, whichever was tried last.
        match (ready, self.book.rejection()) {
            (true, _) => Ok(()),
            (false, Some(Rejection { address, why, .. })) => {
                Err(ConnectError::Rejected { server: address.to_string().into(), detail: why })
            }
            (false, None) if is_foreign => Err(ConnectError::Rejected { server, detail }),
            (false, None) => Err(ConnectError::Unreachable { server, detail }),
        }
    }
}
