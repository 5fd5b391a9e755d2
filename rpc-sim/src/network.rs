//! For users: your services and clients on a network whose faults you choose, in one thread and in virtual time.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::call::{ByName, Caller, Client, names};
use rpc_core::contract::Contract;
use rpc_core::ids::Time;
use rpc_core::limits::{ClientLimits, DEFAULT_DEADLINE, ServerLimits};
use rpc_core::proto::client::ClientConfig;
use rpc_core::proto::server::ServerCounters;
use rpc_core::service::{DurableFilter, Service};

use crate::channel::{Shared, SimChannel, advance, lock};
use crate::clocks::SimClock;
use crate::faults::{Faults, FaultsSeen};
use crate::handlers::Handlers;
use crate::world::{World, WorldConfig};

/// A server with your services, clients, and a network between them that does what one seed says.
///
/// Clients are the ordinary stubs. A blocking call moves the virtual world until its verdict is there, so a test that
/// waits out a minute's partition takes milliseconds, and the same seed does the same again. (With one thread: threads
/// that call at the same time race each other, as they do everywhere.) A handler takes no virtual time unless
/// [`Network::handlers`] says so.
///
/// ```
/// # use std::sync::Mutex;
/// # use std::collections::HashMap;
/// # #[rpc_core::rpc]
/// # pub trait Kv { fn put(&self, key: &str, value: &str); fn get(&self, key: &str) -> Option<String>; }
/// # #[derive(Default)]
/// # struct Store(Mutex<HashMap<String, String>>);
/// # impl Kv for Store {
/// #     fn put(&self, key: &str, value: &str) { self.0.lock().unwrap().insert(key.into(), value.into()); }
/// #     fn get(&self, key: &str) -> Option<String> { self.0.lock().unwrap().get(key).cloned() }
/// # }
/// # fn main() -> Result<(), rpc_core::CallError> {
/// use std::time::Duration;
/// use rpc_sim::{Faults, Network};
///
/// let network = Network::new(7, Faults::bad());
/// network.serve(KvServer::new(Store::default()));
/// let kv: KvClient = network.client();
/// network.partition(Duration::from_secs(30));
/// let patient = kv.call.with_deadline(Duration::from_secs(60));
/// patient.put("a", "1")?; // a minute at most, of virtual time
/// assert_eq!(patient.get("a")?.as_deref(), Some("1"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Network {
    shared: Arc<Mutex<Shared>>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = lock(&self.shared);
        write!(f, "Network(at {:?}, {:?})", held.world.now(), held.world.faults_seen())
    }
}

impl Network {
    /// A network with a server that has no services yet.
    pub fn new(seed: u64, faults: Faults) -> Self {
        Network::with_limits(seed, faults, ServerLimits::default())
    }

    /// A network whose server has bounds of your choice.
    pub fn with_limits(seed: u64, faults: Faults, limits: ServerLimits) -> Self {
        Network::with_config(WorldConfig { limits, ..WorldConfig::new(seed, faults) })
    }

    /// A network with all settings of a world: a server without the duplicate filter, handlers that take time.
    pub fn with_config(config: WorldConfig) -> Self {
        Network { shared: Arc::new(Mutex::new(Shared::new(World::new(config, Vec::new())))) }
    }

    /// Adds a service. The server starts anew with it, so add all before the first client.
    ///
    /// # Panics
    /// The service cannot be told from another one.
    pub fn serve(&self, service: impl Service) -> &Self {
        let mut held = lock(&self.shared);
        held.world.services.0.push(Arc::new(service));
        held.world.restart_server();
        drop(held);
        self
    }

    /// Gives the server a store, which it opens anew whenever it starts: its sessions outlive it, and its calls are transactions. A
    /// store must forget at a crash what was not committed, as `rpc_store::Store` over a `MemoryBackend` does that is opened anew.
    ///
    /// # Panics
    /// The store cannot be read.
    pub fn durable(&self, open: impl FnMut() -> Arc<dyn DurableFilter> + Send + 'static) -> &Self {
        lock(&self.shared).world.keep_in(open);
        self
    }

    /// Sets the time that handlers take from now on, in virtual time.
    pub fn handlers(&self, handlers: Handlers) -> &Self {
        lock(&self.shared).world.config.handlers = handlers;
        self
    }

    /// A client of one of the services.
    pub fn client<C: Client>(&self) -> C {
        C::from_caller(self.caller(&[C::CONTRACT], ClientLimits::default()))
    }

    /// Returns the channel that carries the calls of clients of several services over one session.
    pub fn caller(&self, contracts: &[&'static Contract], limits: ClientLimits) -> Caller {
        let mut held = lock(&self.shared);
        let bounds = limits.bounds_of_a_value();
        let seed = held.world.random.u64(..);
        let config = ClientConfig { limits, contracts: contracts.to_vec(), features: 0, seed };
        let client = held.world.add_client(config);
        drop(held);
        let channel = SimChannel { shared: Arc::clone(&self.shared), client };
        Caller::new(Arc::new(channel), DEFAULT_DEADLINE, bounds)
    }

    /// A client without a trait, that calls methods of these services by name. `None`: this process has used too many
    /// names already.
    pub fn by_name(&self, services: &[&str]) -> Option<ByName> {
        let contracts: Option<Vec<_>> = services.iter().map(|name| names::service(name)).collect();
        Some(ByName::new(self.caller(&contracts?, ClientLimits::default())))
    }

    /// Lets one thing happen, at most until then, but enters no handler: [`World::poll_job`] hands those out. Returns false if nothing
    /// happens until then.
    pub fn step(&self, until: Time) -> bool {
        self.with_world(|world| world.step(until))
    }

    /// Gives access to the world, and returns what `act` returns.
    pub fn with_world<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut held = lock(&self.shared);
        let result = act(&mut held.world);
        held.take_events();
        result
    }

    /// The server's process ends without a word. What its handlers did stays done.
    ///
    /// ```
    /// # fn main() -> Result<(), rpc_core::CallError> {
    /// use std::time::Duration;
    /// use rpc_core::{Health, HealthClient};
    /// use rpc_sim::{Faults, Network};
    ///
    /// let network = Network::new(1, Faults::none());
    /// network.serve(Health::new());
    /// let health: HealthClient = network.client();
    /// health.check()?;
    /// let before = health.call.incarnation();
    /// network.crash_server();
    /// network.restart_server();
    /// network.run_for(Duration::from_secs(1)); // the connection is lost
    /// health.check()?; // in another session
    /// assert_ne!(health.call.incarnation(), before);
    /// # Ok(())
    /// # }
    /// ```
    pub fn crash_server(&self) {
        lock(&self.shared).world.crash_server();
    }

    /// The server's process starts, and knows nothing of earlier sessions; one that runs crashes first.
    pub fn restart_server(&self) {
        lock(&self.shared).world.restart_server();
    }

    /// The server says that it is going, refuses new calls, and finishes those that it has.
    pub fn drain_server(&self) {
        lock(&self.shared).world.drain_server();
    }

    /// Nothing passes for so long.
    pub fn partition(&self, duration: Duration) {
        lock(&self.shared).world.partition(duration);
    }

    /// Cuts every connection now.
    pub fn cut_all(&self) {
        lock(&self.shared).world.cut_all();
    }

    /// Other faults from now on; [`Faults::none`] heals the network.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.shared).world.set_faults(faults);
    }

    /// Lets so much time pass.
    pub fn run_for(&self, duration: Duration) {
        let until = self.now().plus(duration);
        while advance(&self.shared, until) {}
    }

    /// The present, in virtual time.
    pub fn now(&self) -> Time {
        lock(&self.shared).world.now()
    }

    /// The virtual clock, for services that read one.
    pub fn clock(&self) -> Arc<SimClock> {
        lock(&self.shared).world.clock()
    }

    /// Returns the server's counters, over all its lives.
    pub fn server_counters(&self) -> ServerCounters {
        lock(&self.shared).world.server_counters()
    }

    /// Returns the faults that the network has made.
    pub fn faults_seen(&self) -> FaultsSeen {
        lock(&self.shared).world.faults_seen()
    }

    /// A hash over everything that happened: equal for two runs of the same seed.
    pub fn trace_hash(&self) -> u64 {
        lock(&self.shared).world.trace_hash()
    }
}

/// A service and a client of it in one process, through the same protocol code, without sockets, threads or faults.
/// Time is virtual: a call's deadline does not pass while its handler works.
///
/// ```
/// # use std::sync::Mutex;
/// # use std::collections::HashMap;
/// # #[rpc_core::rpc]
/// # pub trait Kv { fn put(&self, key: &str, value: &str); fn get(&self, key: &str) -> Option<String>; }
/// # #[derive(Default)]
/// # struct Store(Mutex<HashMap<String, String>>);
/// # impl Kv for Store {
/// #     fn put(&self, key: &str, value: &str) { self.0.lock().unwrap().insert(key.into(), value.into()); }
/// #     fn get(&self, key: &str) -> Option<String> { self.0.lock().unwrap().get(key).cloned() }
/// # }
/// use rpc_sim::in_process;
///
/// let kv: KvClient = in_process(KvServer::new(Store::default()));
/// kv.put("a", "1").expect("there are no faults");
/// assert_eq!(kv.get("a").expect("there are no faults").as_deref(), Some("1"));
/// ```
pub fn in_process<C: Client>(service: impl Service) -> C {
    let network = Network::new(0, Faults::none());
    network.serve(service);
    network.client()
}
