//! Counts the calls of a server, and of a client, by method, and shows the counts as a page in the Prometheus text format, on a side port.
//!
//! ```text
//!  Metrics::around(service)       counts each call            --.
//!  Metrics::around_client(client) counts each call              |
//!  Metrics::add_server(..)        reads the server's counters --+--> Metrics::page   <-- GET /metrics, Metrics::serve
//! ```
//! ```
//! use rpc_core::{Server, rpc};
//! use rpc_metrics::Metrics;
//!
//! #[rpc]
//! pub trait Clock {
//!     fn hour(&self) -> u8;
//! }
//!
//! struct Noon;
//!
//! impl Clock for Noon {
//!     fn hour(&self) -> u8 {
//!         12
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let metrics = Metrics::new();
//! let clock = metrics.around(ClockServer::new(Noon));
//! let server = Server::builder().service(clock).bind("127.0.0.1:0")?.spawn()?;
//! metrics.add_server(server.handle());
//! let port = metrics.serve("127.0.0.1:0")?; // GET /metrics, until `port` is dropped
//!
//! let clock = ClockClient::connect(server.local_addr())?;
//! assert_eq!(clock.hour()?, 12);
//! assert!(metrics.page()?.contains("rpc_calls_begun_total{method=\"Clock.hour\"} 1\n"));
//! # clock.call.close();
//! # Ok(())
//! # }
//! ```
//!
//! Labels are the names of the methods of the contracts and a fixed list of words, so their number does not grow with what clients
//! send. A service that is not put into [`Metrics::around`], and a client that is not put into [`Metrics::around_client`], run none of
//! this code.
#![deny(clippy::unwrap_used, clippy::panic_in_result_fn)]

mod calls;
mod http;
mod limits;
mod port;
mod server;
mod sorted;

use std::fmt;
use std::io;
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::Arc;

pub use calls::{BegunCall, CallCounters};
pub use limits::PortLimits;
pub use port::MetricsPort;
pub use prometheus_client; // the types of a program's own metrics
use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;
use rpc_core::{Around, Client, Handle, ServerHandle, Service};

use calls::{CLIENT, Families, SERVER};
use server::Servers;

/// The metrics of a process: the calls of its services and of its clients by method, and the counters of its servers. Clones are the same ones.
///
/// ```
/// use rpc_metrics::Metrics;
/// use rpc_metrics::prometheus_client::{metrics::counter::Counter, registry::Registry};
///
/// // Metrics of the program itself, on the same page.
/// let mut registry = Registry::default();
/// let orders: Counter = Counter::default();
/// registry.register("orders", "Orders that were taken", orders.clone());
///
/// let metrics = Metrics::with_registry(registry);
/// orders.inc();
/// assert!(metrics.page()?.contains("orders_total 1\n"));
/// # Ok::<(), std::fmt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Metrics {
    /// All that the page shows.
    registry: Arc<Registry>,
    /// The metrics of the methods of services.
    services: Families,
    /// The metrics of the methods of clients.
    clients: Families,
    /// The servers whose counters it shows.
    servers: Servers,
}

impl Metrics {
    /// Returns metrics without a service and without a server.
    pub fn new() -> Self {
        Metrics::with_registry(Registry::default())
    }

    /// Returns metrics beside those of the program itself, which are in `registry` already.
    pub fn with_registry(mut registry: Registry) -> Self {
        let services = Families::in_registry(&mut registry, &SERVER);
        let clients = Families::in_registry(&mut registry, &CLIENT);
        let servers = Servers::default();
        registry.register_collector(Box::new(servers.clone()));
        Metrics { registry: Arc::new(registry), services, clients, servers }
    }

    /// Puts counters around each call of `service`. Services of the same contract are counted together.
    ///
    /// Other hooks belong inside, so that the calls that they refuse are counted: `metrics.around(Around::new(notes, limit))`.
    pub fn around<S: Service>(&self, service: S) -> Around<S, CallCounters> {
        let counters = CallCounters::of(service.contract(), &self.services);
        Around::new(service, counters)
    }

    /// Returns the client with counters around each of its calls. Clients of the same service are counted together.
    ///
    /// Other hooks belong inside, so that the calls that they refuse are counted: `metrics.around_client(&limited.call)`. A call that
    /// its client sends several times counts once, and its time is that of its caller: until the verdict is taken.
    ///
    /// ```no_run
    /// use rpc_core::rpc;
    /// use rpc_metrics::Metrics;
    ///
    /// #[rpc]
    /// pub trait Clock {
    ///     fn hour(&self) -> u8;
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let metrics = Metrics::new();
    /// let clock = metrics.around_client(&ClockClient::connect("127.0.0.1:4000")?.call);
    /// clock.hour()?;
    /// assert!(metrics.page()?.contains("rpc_client_calls_begun_total{method=\"Clock.hour\"} 1\n"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn around_client<C: Client>(&self, client: &Handle<C>) -> C {
        client.around(CallCounters::of(C::CONTRACT, &self.clients))
    }

    /// Adds a server whose counters the page shows. The page shows the sums of several ones.
    pub fn add_server(&self, server: ServerHandle) {
        self.servers.add(server);
    }

    /// Returns the page, in version 0.0.4 of the Prometheus text format. It asks each event loop for its counters, so it waits for a
    /// busy one as [`ServerHandle::counters`] does.
    ///
    /// # Errors
    /// Returns an error if a metric of the program itself cannot be written.
    pub fn page(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        prometheus_text::encode(&mut page, &self.registry)?;
        Ok(sorted::sorted(&page))
    }

    /// Shows the page at `GET /metrics` of an address, on a thread of its own, until the port is dropped. It serves one connection
    /// at a time. It is for the network of the operator: there is no encryption, and each client may read all.
    ///
    /// # Errors
    /// Returns an error if it cannot listen there, or the thread cannot be started.
    pub fn serve(&self, addr: impl ToSocketAddrs) -> io::Result<MetricsPort> {
        self.serve_within(addr, PortLimits::default())
    }

    /// Shows the page as [`Metrics::serve`] does, with other limits.
    ///
    /// # Errors
    /// Returns an error if it cannot listen there, or the thread cannot be started.
    pub fn serve_within(&self, addr: impl ToSocketAddrs, limits: PortLimits) -> io::Result<MetricsPort> {
        MetricsPort::start(TcpListener::bind(addr)?, self.clone(), limits)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}
