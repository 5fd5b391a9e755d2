//! Floor 4: how a server is put together: services, bounds, loops, and the address.

use std::fmt::{self, Debug};
use std::net::ToSocketAddrs;
use std::sync::Arc;

use super::bell::Bell;
use super::error::ServeError;
use super::event_loop::{Common, EventLoop};
use super::hands::Hands;
use super::methods::Methods;
use super::{Server, ServerHandle, listener};
use crate::contract::Directory;
use crate::ids::{Clock, Incarnation};
use crate::limits::{MAX_LOOPS, MIN_THREADS, ServerLimits};
use crate::net::clock::MonotonicClock;
use crate::net::os::{self, BoundListener};
use crate::net::sync::atomic::AtomicUsize;
use crate::net::sync::thread;
use crate::proto::server::{Entropy, ServerConfig, ServerCore};
use crate::service::{Runtime, Service};

/// Collects what a server is made of.
pub struct ServerBuilder {
    services: Vec<Arc<dyn Service>>,
    limits: ServerLimits,
    loops: usize,
    at_most_once: bool,
}

impl Default for ServerBuilder {
    fn default() -> Self {
        ServerBuilder { services: Vec::new(), limits: ServerLimits::default(), loops: 1, at_most_once: true }
    }
}

impl ServerBuilder {
    /// Adds a service. Several, of different traits, share one server.
    #[must_use]
    pub fn service(mut self, service: impl Service) -> Self {
        self.services.push(Arc::new(service));
        self
    }

    /// Sets the bounds; [`ServerLimits`] says what each is for.
    #[must_use]
    pub fn limits(mut self, limits: ServerLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the number of event loops: 1 if it is not called, which is enough for most; 0 means one for each core.
    #[must_use]
    pub fn loops(mut self, loops: usize) -> Self {
        self.loops = loops;
        self
    }

    /// `false` switches the duplicate filter off, so that one can see what it is for: a call that is sent again then
    /// runs again. Not for use; a warning is logged.
    #[must_use]
    pub fn at_most_once(mut self, on: bool) -> Self {
        self.at_most_once = on;
        self
    }

    /// Listens at the first of the addresses that can be had. Port 0 lets the operating system choose one.
    ///
    /// # Errors
    /// When no address can be had, there is no service, two services cannot be told apart, or the operating system
    /// refuses descriptors or randomness.
    pub fn bind(self, address: impl ToSocketAddrs + Debug) -> Result<Server, ServeError> {
        if self.services.is_empty() {
            return Err(ServeError::NoService);
        }
        let loops = match self.loops {
            0 => thread::available_parallelism().map_or(1, usize::from).min(MAX_LOOPS),
            loops if loops <= MAX_LOOPS => loops,
            loops => return Err(ServeError::TooManyLoops(loops)),
        };
        let directory = Directory::new(self.services.iter().map(|service| service.contract()).collect())?;
        let incarnation = os::random_bytes().map_err(ServeError::system("get random bytes"))?;
        let listener = listener::bind(address)?;
        let local_addr =
            listener.local_addr().map_err(ServeError::system("ask for the listener's address"))?;
        self.warn(local_addr);
        let grace = self.limits.grace;
        let incarnation = Incarnation(u128::from_le_bytes(first_half(incarnation)));
        let bell = Arc::new(Bell::default());
        let hands = self
            .assemble(loops, directory, incarnation, listener, &bell)
            .map_err(ServeError::system("set up an event loop"))?;
        Ok(Server { handle: ServerHandle::new(hands, bell, local_addr, grace) })
    }

    fn warn(&self, address: std::net::SocketAddr) {
        if !address.ip().to_canonical().is_loopback() {
            tracing::warn!(%address, "calls travel without encryption: whoever sees the network sees them");
        }
        if !self.at_most_once {
            tracing::warn!("the duplicate filter is off: a call that is sent again runs again");
        }
    }

    /// Makes the loops; the first one has the listener.
    fn assemble(
        self,
        loops: usize,
        directory: Directory,
        incarnation: Incarnation,
        listener: BoundListener,
        bell: &Arc<Bell>,
    ) -> std::io::Result<Vec<Arc<Hands>>> {
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock::new());
        let methods = Arc::new(Methods::new(&directory));
        let threads = (self.limits.threads / loops).max(MIN_THREADS);
        let limit = self.limits.max_frame;
        let runtime = Arc::new(Runtime { services: self.services, clock: Arc::clone(&clock), limit });
        let connections = self.limits.connections;
        let common = Arc::new(Common { clock, open: AtomicUsize::new(0), connections });
        let opened: Vec<_> = (0..loops).map(|_| EventLoop::open()).collect::<Result<_, _>>()?;
        let mailboxes: Arc<[_]> = opened.iter().map(|(_, mailbox)| Arc::clone(mailbox)).collect();
        let mut listener = Some(listener);
        let mut made = Vec::with_capacity(loops);
        for (number, (poll, mailbox)) in opened.into_iter().enumerate() {
            let config = ServerConfig {
                limits: self.limits.clone(),
                directory: directory.clone(),
                incarnation,
                loop_number: number as u8, // below MAX_LOOPS
                loops,
                at_most_once: self.at_most_once,
            };
            let core = ServerCore::new(config, entropy());
            let (mailboxes, common) = (Arc::clone(&mailboxes), Arc::clone(&common));
            let event_loop = EventLoop::new(number, poll, listener.take(), core, mailboxes, common)?;
            let (methods, runtime) = (Arc::clone(&methods), Arc::clone(&runtime));
            let hands = Hands::new(event_loop, mailbox, methods, runtime, threads, number, Arc::clone(bell));
            made.push(Arc::new(hands));
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

/// `bind` has seen it work. If it fails later, which no system that passed that does, the loop ends as failed: a token
/// that can be guessed would be worse than no server.
fn entropy() -> Entropy {
    Box::new(|| {
        os::random_bytes()
            .unwrap_or_else(|error| panic!("the operating system has no randomness left: {error}"))
    })
}

fn first_half(bytes: [u8; 32]) -> [u8; 16] {
    std::array::from_fn(|i| bytes[i])
}
