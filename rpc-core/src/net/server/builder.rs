//! Layer 4: the builder of a server: services, limits, loops, and the address.
//!
//! ```text
//!  Server --> ServerHandle --> LoopOwner, one for each loop --> EventLoop --> ServerCore
//!                  |               |                               |
//!                  |               '-- SlowMethods, DispatchEnv    '-- ServerShared: of all loops
//!                  '-- ShutdownSignal: of all loops
//! ```
//! The number of a loop is a part of the ids of its sessions, so that each loop knows the owner of a session that is resumed.

use std::any::Any;
use std::fmt::{self, Debug};
use std::sync::Arc;

use super::durable::{DurableLoop, DurableServer};
use super::error::ServeError;
use super::event_loop::{EventLoop, ServerShared};
use super::held::{HeldByLoop, Notices};
use super::life::ShutdownSignal;
use super::loop_owner::LoopOwner;
use super::open_connections::OpenConnections;
use super::threads::SlowMethods;
use super::{Server, ServerHandle};
use crate::contract::Directory;
use crate::ids::{Clock, Incarnation};
use crate::limits::{MAX_LISTENERS, MAX_LOOPS, MIN_THREADS, ServerLimits};
use crate::log;
use crate::net::clock::MonotonicClock;
use crate::net::os::{self, Listener};
use crate::net::sync::atomic::AtomicUsize;
use crate::net::sync::thread;
use crate::net::{Address, Addresses};
use crate::proto::server::{Entropy, ServerConfig, ServerCore};
use crate::service::{DispatchEnv, DurableFilter, Health, Reflection, Service};

/// Collects the services and settings of a server.
///
/// ```
/// use std::time::Duration;
/// use rpc_core::{Health, ServerBuilder, Server, ServerLimits};
///
/// /// The settings that all servers of a program have.
/// fn settings() -> ServerBuilder {
///     let limits = ServerLimits { grace: Duration::from_secs(10), ..ServerLimits::default() };
///     Server::builder().limits(limits).loops(2).service(Health::new())
/// }
///
/// let server = settings().bind("127.0.0.1:0")?;
/// # Ok::<(), rpc_core::ServeError>(())
/// ```
pub struct ServerBuilder {
    /// The services that the server has.
    services: Vec<Arc<dyn Service>>,
    /// The bounds of the server.
    limits: ServerLimits,
    /// The number of event loops; 0 means one for each core.
    loops: usize,
    /// False if the duplicate filter is off.
    at_most_once: bool,
    /// The store that the sessions and records outlive the server in.
    durable: Option<Arc<dyn DurableFilter>>,
    /// False if the server does not describe itself.
    reflection: bool,
    /// The service that the server's health is read from.
    health: Option<Health>,
}

impl Default for ServerBuilder {
    fn default() -> Self {
        ServerBuilder {
            services: Vec::new(),
            limits: ServerLimits::default(),
            loops: 1,
            at_most_once: true,
            durable: None,
            reflection: true,
            health: None,
        }
    }
}

impl ServerBuilder {
    /// Adds a service. Services of different traits can share one server.
    #[must_use]
    pub fn service(mut self, service: impl Service) -> Self {
        self.health = self.health.or_else(|| (&service as &dyn Any).downcast_ref::<Health>().cloned());
        self.services.push(Arc::new(service));
        self
    }

    /// Sets the bounds of the server, which [`ServerLimits`] explains.
    #[must_use]
    pub fn limits(mut self, limits: ServerLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the number of event loops. The default is 1, which is enough for most servers; 0 means one for each core.
    #[must_use]
    pub fn loops(mut self, loops: usize) -> Self {
        self.loops = loops;
        self
    }

    /// Switches the duplicate filter on or off. Without the filter, a call that is sent again runs again: this shows the
    /// purpose of the filter, and is for experiments only. The server logs a warning.
    #[must_use]
    pub fn at_most_once(mut self, on: bool) -> Self {
        self.at_most_once = on;
        self
    }

    /// Switches the server's description of itself on or off: the service `ServerReflection`, which tells each client that can call the
    /// server about its services, with their types and documentation, its limits and its counters. It is on unless it is
    /// switched off. See the module [`reflection`](crate::reflection).
    ///
    /// Without it a client that knows the name of a service can still learn its methods and their types, since clients compare them.
    #[must_use]
    pub fn reflection(mut self, on: bool) -> Self {
        self.reflection = on;
        self
    }

    /// Keeps the sessions and the records of calls in a store, so that they outlive the server: each call of a method that is not
    /// idempotent is then one transaction, with what its handler writes to the store, and its reply leaves after the commit.
    /// The page `docs/exactly_once.md` says what that promises, and the package `rpc-store` has such a store.
    #[must_use]
    pub fn durable(mut self, store: impl DurableFilter) -> Self {
        self.durable = Some(Arc::new(store));
        self
    }

    /// Listens at the first of the addresses that is available. For port 0 the operating system chooses a port; `unix:/path` is a Unix
    /// socket: see [`Listener::bind`].
    ///
    /// # Errors
    /// Returns an error if a setting is outside its bounds, no address is available, there is no service, two services cannot be
    /// told apart, or the operating system refuses descriptors or randomness.
    pub fn bind(mut self, address: impl Into<Addresses>) -> Result<Server, ServeError> {
        let prepared = self.prepare()?;
        let listener = Listener::bind(address)?;
        self.build(prepared, vec![listener])
    }

    /// Serves at all of these listeners: several addresses, TCP and Unix sockets side by side, or listeners that the program was
    /// handed, by systemd or a test.
    ///
    /// ```
    /// use rpc_core::{Health, Listener, Server};
    ///
    /// let handed_in = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let listeners = [handed_in.into(), Listener::bind("127.0.0.1:0")?];
    /// let server = Server::builder().service(Health::new()).listen_on(listeners)?.spawn()?;
    /// assert_eq!(server.addresses().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`ServerBuilder::bind`]; also if there is no listener, or one cannot be used.
    pub fn listen_on(
        mut self,
        listeners: impl IntoIterator<Item = impl Into<Listener>>,
    ) -> Result<Server, ServeError> {
        let prepared = self.prepare()?;
        let listeners: Vec<Listener> =
            listeners.into_iter().map(Into::into).take(MAX_LISTENERS + 1).collect();
        if listeners.is_empty() || listeners.len() > MAX_LISTENERS {
            return Err(ServeError::Listeners);
        }
        self.build(prepared, listeners)
    }

    /// Checks the settings, adds the service that describes the server, and reads the store if there is one.
    fn prepare(&mut self) -> Result<Prepared, ServeError> {
        if self.services.is_empty() {
            return Err(ServeError::NoService);
        }
        let loops = match self.loops {
            0 => thread::available_parallelism().map_or(1, usize::from).min(MAX_LOOPS),
            loops if loops <= MAX_LOOPS => loops,
            loops => return Err(ServeError::TooManyLoops(loops)),
        };
        self.limits.check()?;
        let reflection = self.reflection.then(|| Arc::new(self.describe(loops)));
        self.services.extend(reflection.clone().map(|service| service as Arc<dyn Service>));
        let directory = Directory::new(self.services.iter().map(|service| service.contract()).collect())?;
        let incarnation = os::random_bytes().map_err(ServeError::system("get random bytes"))?;
        let mut prepared = Prepared {
            loops,
            directory,
            incarnation: Incarnation(u128::from_le_bytes(first_half(incarnation))),
            durable: None,
            reflection,
        };
        if let Some(filter) = &self.durable {
            if !self.at_most_once {
                return Err(ServeError::DurableWithoutFilter);
            }
            let (durable, incarnation) = DurableServer::load(filter, &self.services, &self.limits, loops)?;
            (prepared.durable, prepared.incarnation) = (Some(durable), incarnation);
        }
        Ok(prepared)
    }

    /// Makes the server.
    fn build(self, prepared: Prepared, listeners: Vec<Listener>) -> Result<Server, ServeError> {
        let addresses: Arc<[Address]> = listeners
            .iter()
            .map(Listener::local_addr)
            .collect::<Result<_, _>>()
            .map_err(ServeError::system("ask for the listener's address"))?;
        self.warn(&addresses);
        let (grace, reflection) = (self.limits.grace, prepared.reflection.clone());
        let shutdown = Arc::new(ShutdownSignal::default());
        let owner = self
            .assemble(prepared, listeners, &shutdown)
            .map_err(ServeError::system("set up an event loop"))?;
        let handle = ServerHandle::new(owner, shutdown, addresses, grace);
        if let Some(reflection) = reflection {
            reflection.set_counters(handle.counters_of_loops());
        }
        Ok(Server { handle })
    }

    /// Returns the service that describes a server of these settings.
    fn describe(&self, loops: usize) -> Reflection {
        let contracts = self.services.iter().map(|service| service.contract()).collect();
        let mut reflection = Reflection::new(contracts, self.limits.clone(), self.health.clone());
        (reflection.at_most_once, reflection.durable) = (self.at_most_once, self.durable.is_some());
        reflection.loops = loops;
        reflection
    }

    /// Logs a warning for each setting that gives up a guarantee.
    fn warn(&self, addresses: &[Address]) {
        for address in addresses.iter().filter_map(Address::tcp) {
            if !address.ip().to_canonical().is_loopback() {
                log::warn!(%address, "calls are sent without encryption, so the network can read them");
            }
        }
        if !self.at_most_once {
            log::warn!("the duplicate filter is off: a call that is sent again runs again");
        }
    }

    /// Creates the loops. The first one gets the listeners.
    fn assemble(
        self,
        prepared: Prepared,
        listeners: Vec<Listener>,
        shutdown: &Arc<ShutdownSignal>,
    ) -> std::io::Result<Vec<Arc<LoopOwner>>> {
        let Prepared { loops, directory, incarnation, mut durable, .. } = prepared;
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::new());
        let methods = Arc::new(SlowMethods::new(&directory));
        // The limit is that of the server. Each loop needs an owner and a thread for a slow call at least.
        let threads = (self.limits.threads / loops).max(MIN_THREADS);
        let bounds = self.limits.bounds_of_a_value();
        let notices = Arc::new(Notices::default());
        let open = OpenConnections::new(&self.limits, os::descriptors().unwrap_or(usize::MAX));
        let shared =
            Arc::new(ServerShared { clock: Arc::clone(&clock), open, undrained: AtomicUsize::new(loops) });
        // All queues first, since each loop can send commands to each other one.
        let opened: Vec<_> = (0..loops).map(|_| EventLoop::open()).collect::<Result<_, _>>()?;
        let queues: Arc<[_]> = opened.iter().map(|(_, commands)| Arc::clone(commands)).collect();
        // The listeners are for all loops: the first loop accepts, and gives connections to the loops in turn.
        let mut listeners = Some(listeners);
        let mut made = Vec::with_capacity(loops);
        for (number, (poll, commands)) in opened.into_iter().enumerate() {
            let config = ServerConfig {
                limits: self.limits.clone(),
                directory: directory.clone(),
                incarnation,
                loop_number: number as u8, // below MAX_LOOPS
                loops,
                at_most_once: self.at_most_once,
            };
            let mut core = ServerCore::new(config, entropy());
            if let Some(durable) = &mut durable {
                durable.restore(&mut core, number, loops, clock.now());
            }
            let (queues, shared) = (Arc::clone(&queues), Arc::clone(&shared));
            let listeners = listeners.take().unwrap_or_default();
            let mut event_loop = EventLoop::new(number, poll, listeners, core, queues, shared)?;
            let durable = durable.as_ref().map(|durable| durable.calls.clone());
            event_loop.durable = durable.clone().map(DurableLoop::new);
            let (methods, services) = (Arc::clone(&methods), self.services.clone());
            let holder = HeldByLoop { commands: Arc::clone(&commands), notices: Arc::clone(&notices) };
            let (clock, holder) = (Arc::clone(&clock), Arc::new(holder));
            let dispatch_env = Arc::new(DispatchEnv { services, clock, bounds, holder, durable });
            let owner = LoopOwner::new(
                event_loop,
                commands,
                methods,
                dispatch_env,
                threads,
                number,
                Arc::clone(shutdown),
            );
            made.push(Arc::new(owner));
        }
        Ok(made)
    }
}

impl Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.services.iter().map(|service| service.contract().service).collect();
        write!(f, "ServerBuilder({names:?})")
    }
}

/// The parts of a server whose settings are checked.
struct Prepared {
    /// The number of loops.
    loops: usize,
    /// The services.
    directory: Directory,
    /// The name of this life of the server.
    incarnation: Incarnation,
    /// The store, and what was in it.
    durable: Option<DurableServer>,
    /// The service that describes the server, if it has one.
    reflection: Option<Arc<Reflection>>,
}

/// Returns the source of session ids and tokens.
///
/// It panics if the operating system has no randomness, which ends the loop: a token that can be guessed is worse than no
/// server. `bind` has used the source once, so this does not happen on any system that we know.
fn entropy() -> Entropy {
    Box::new(|| {
        os::random_bytes()
            .unwrap_or_else(|error| panic!("the operating system has no randomness left: {error}"))
    })
}

/// Returns the first 16 bytes.
fn first_half(bytes: [u8; 32]) -> [u8; 16] {
    std::array::from_fn(|i| bytes[i])
}
