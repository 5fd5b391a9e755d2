//! The world: a clock, one server, clients, connections between them, and the order in which things happen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::ids::{Clock, Time};
use rpc_core::limits::ServerLimits;
use rpc_core::proto::server::ServerCounters;
use rpc_core::service::Service;

use crate::agenda::{Agenda, Item};
use crate::clients::{ClientSide, Sent, SideId};
use crate::clocks::{LocalClock, SimClock};
use crate::durable::OpenStore;
use crate::faults::{Faults, FaultsSeen};
use crate::handlers::Handlers;
use crate::links::Link;
use crate::observer::{Happening, Observer};
use crate::server::ServerSide;
use crate::trace::Trace;

/// More steps than this without a moment passing: an actor asks to be woken again and again, and does nothing.
const SPINS: u32 = 20_000;

/// Bytes of a socket's buffers on both sides, about, unless a world says otherwise.
const WINDOW: usize = 128 << 10;

/// A client of a [`World`].
pub type ClientId = usize;

/// A connection of a [`World`].
pub type LinkId = u64;

/// The facts that a world has seen of its server, for the rules about time and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerSeen {
    /// Connections that went from one loop to another.
    pub handed_over: u64,
    /// Writes that waited because the client did not read.
    pub blocked: u64,
    /// Reads that waited because the client did not listen.
    pub unread: u64,
}

/// The parts that a world is made with.
///
/// ```
/// use rpc_sim::{Faults, Network, WorldConfig};
///
/// // A server without its duplicate filter, to see a test of yours fail for want of it.
/// let config = WorldConfig { at_most_once: false, ..WorldConfig::new(7, Faults::bad()) };
/// let network = Network::with_config(config);
/// ```
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// The faults of the network.
    pub faults: Faults,
    /// The server's bounds.
    pub limits: ServerLimits,
    /// `false` switches the duplicate filter off.
    pub at_most_once: bool,
    /// The time that handlers take.
    pub handlers: Handlers,
    /// The number of the server's loops.
    pub loops: usize,
    /// Bytes on their way to a client beyond which the server's writes wait, as a socket's buffer would make them.
    pub window: usize,
    /// Keep what clients write about calls, for [`World::take_sent`].
    pub watch: bool,
    /// Keep lines for a reader.
    pub trace: bool,
}

impl WorldConfig {
    /// A world of this seed and these faults, with the default bounds and handlers that take no time.
    pub fn new(seed: u64, faults: Faults) -> Self {
        WorldConfig {
            seed,
            faults,
            limits: ServerLimits::default(),
            at_most_once: true,
            handlers: Handlers::default(),
            loops: 1,
            window: WINDOW,
            watch: false,
            trace: false,
        }
    }
}

/// A virtual clock, one server, any number of clients, and a network with faults: all from one seed.
///
/// Handlers run only when asked for: [`World::advance`] does both; [`World::step`] leaves them to
/// [`World::poll_job`].
#[derive(Debug)]
pub struct World {
    pub(super) config: WorldConfig,
    pub(super) clock: Arc<SimClock>,
    /// The server's clock, as its services read it,
    pub(super) server_clock: Arc<SimClock>,
    /// and how it moves.
    pub(super) server_local: LocalClock,
    pub(super) server_paused_until: Time,
    pub(super) random: fastrand::Rng,
    pub(super) agenda: Agenda,
    pub(super) trace: Trace,
    pub(super) observer: Observer,
    pub(super) services: Services,
    /// The store that each life of the server opens, if it has one.
    pub(super) store: Option<OpenStore>,
    pub(super) server: Option<ServerSide>,
    pub(super) life: u64,
    pub(super) clients: Vec<ClientSide>,
    pub(super) next_side: u64,
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) earlier: ServerCounters, // of server lives that have ended
    pub(super) rejects: u64,
    /// See [`World::slow_rejects`].
    pub(super) slow_rejects: u64,
    pub(super) partition_until: Time,
    pub(super) next_link: LinkId,
    pub(super) seen: FaultsSeen, // by links that are gone
    pub(super) seen_by_server: ServerSeen,
    pub(super) unsent: Vec<Sent>, // in batches that are not written to their end
    pub(super) sent: Vec<Sent>,
    spins: u32,
}

/// The server's services; they outlive its crashes, as a database behind it would.
#[derive(Clone)]
pub(super) struct Services(pub(super) Vec<Arc<dyn Service>>);

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|service| service.contract().service)).finish()
    }
}

impl World {
    /// A world whose server runs already.
    ///
    /// # Panics
    /// Two of the services cannot be told apart.
    pub fn new(config: WorldConfig, services: Vec<Arc<dyn Service>>) -> Self {
        let mut world = World {
            clock: Arc::default(),
            server_clock: Arc::default(),
            server_local: LocalClock::default(),
            server_paused_until: Time::default(),
            random: fastrand::Rng::with_seed(config.seed),
            agenda: Agenda::default(),
            trace: Trace::new(config.trace),
            observer: Observer::default(),
            services: Services(services),
            store: None,
            server: None,
            life: 0,
            clients: Vec::new(),
            next_side: 0,
            links: BTreeMap::new(),
            earlier: ServerCounters::default(),
            rejects: 0,
            slow_rejects: 0,
            partition_until: Time::default(),
            next_link: 0,
            seen: FaultsSeen::default(),
            seen_by_server: ServerSeen::default(),
            unsent: Vec::new(),
            sent: Vec::new(),
            spins: 0,
            config,
        };
        world.restart_server();
        world
    }

    /// The present.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Returns the clock of the world.
    pub fn clock(&self) -> Arc<SimClock> {
        Arc::clone(&self.clock)
    }

    /// Lets one thing happen, handlers included. `false`: nothing does until `until`, and that is when it is now.
    pub fn advance(&mut self, until: Time) -> bool {
        let stepped = self.step(until);
        let mut ran = false;
        while let Some(job) = self.poll_job() {
            self.job_done(job.run());
            ran = true;
        }
        while let Some(notice) = self.poll_notice() {
            notice();
            ran = true;
        }
        stepped || ran
    }

    /// Lets everything happen that happens until then.
    pub fn run_until(&mut self, until: Time) {
        while self.advance(until) {}
    }

    /// Lets one thing happen, but enters no handler. `false`: nothing does until `until`, and that is when it is now.
    ///
    /// # Panics
    /// The protocol asks again and again to be woken at once and does nothing: it would use a whole processor.
    pub fn step(&mut self, until: Time) -> bool {
        if self.finish_held() {
            return true;
        }
        let Some(at) = self.next_at().filter(|at| *at <= until && *at < Time::NEVER) else {
            let until = Time(until.0.min(u64::MAX / 2));
            self.clock.move_to(until);
            self.show_time(until);
            return self.finish_held(); // of a server that stood still until now
        };
        let before = self.clock.move_to(at);
        self.spins = if before < at { 0 } else { self.spins + 1 };
        assert!(self.spins < SPINS, "a timer is due again and again at {at:?}");
        let now = self.now();
        self.show_time(now);
        match self.agenda.pop(now) {
            Some(item) => self.act(item, now),
            None => self.timers(now),
        }
        true
    }

    /// Returns the time of the next event.
    pub fn next_at(&self) -> Option<Time> {
        let server = self.server_next_at();
        let clients = self.clients.iter().filter_map(ClientSide::next_at).min();
        self.agenda.next_at().into_iter().chain(server).chain(clients).min()
    }

    /// Other faults from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        for link in self.links.values_mut() {
            link.up.set_faults(faults.clone());
            link.down.set_faults(faults.clone());
        }
        self.config.faults = faults;
    }

    /// Nothing passes for so long. What was written arrives later; a third of the connections break.
    pub fn partition(&mut self, duration: Duration) {
        let now = self.now();
        self.trace.note(now, &[20], || format!("partition for {duration:?}"));
        self.partition_until = now.plus(duration);
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            if self.random.u8(0..3) == 0 {
                self.break_link(link, now, true);
            }
        }
    }

    /// Cuts every connection now; both sides notice.
    pub fn cut_all(&mut self) {
        let now = self.now();
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            self.break_link(link, now, false);
        }
    }

    /// Returns the faults that the network has made so far.
    pub fn faults_seen(&self) -> FaultsSeen {
        self.links.values().fold(self.seen, |sum, link| sum.plus(link.up.seen()).plus(link.down.seen()))
    }

    /// A hash over everything that happened: equal for two runs of the same seed.
    pub fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }

    /// Returns the events, a line each; empty unless asked for.
    pub fn trace_lines(&self) -> &[String] {
        self.trace.lines()
    }

    /// Returns the number of the server's REJECT frames that blame the bytes of a client, on connections that work (V14: none, if
    /// all clients are honest).
    pub fn rejects(&self) -> u64 {
        self.rejects
    }

    /// Returns the number of REJECT frames that went to clients, on connections that work, for a frame that did not go on (V14:
    /// none, if all are honest and neither the network nor a process stands still).
    pub fn slow_rejects(&self) -> u64 {
        self.slow_rejects
    }

    /// Returns the facts that the world has seen of its server.
    pub fn server_seen(&self) -> ServerSeen {
        self.seen_by_server
    }

    /// Lets services read the server's clock.
    pub(super) fn show_time(&self, now: Time) {
        self.server_clock.move_to(self.server_local.at(now));
    }

    /// Until when the process that an item is for stands still, or its network does, or it does not read.
    fn held_until(&self, item: Item) -> Time {
        let owner = |side: SideId| self.clients.get(side.client);
        let of_link = |link: LinkId| self.links.get(&link).and_then(|found| found.client).and_then(owner);
        match item {
            Item::ToServer(_) => self.server_paused_until.max(self.partition_until),
            Item::ToClient(link) => of_link(link).map_or(self.partition_until, |owner| {
                owner.paused_until.max(owner.deaf_until).max(self.partition_until)
            }),
            Item::ClientLoses(link) => of_link(link).map_or(Time::default(), |owner| owner.paused_until),
            Item::Connect { side, .. } => {
                owner(side).map_or(self.partition_until, |owner| owner.paused_until.max(self.partition_until))
            }
            Item::ClientWrites(side) => owner(side).map_or(Time::default(), |owner| owner.paused_until),
            Item::ClientWakes(_) | Item::ServerWakes => Time::default(),
            Item::ServerWrites(_) | Item::ServerLoses(_) | Item::HandOver(_) | Item::Handler { .. } => {
                self.server_paused_until
            }
        }
    }

    fn act(&mut self, item: Item, now: Time) {
        if let Item::ToServer(link) | Item::ToClient(link) = item {
            if !self.is_due(link, item == Item::ToServer(link), now) {
                return;
            }
        }
        let held = self.held_until(item);
        match item {
            Item::ToServer(link) | Item::ToClient(link) if held > now => {
                return self.put_arrival(link, item == Item::ToServer(link), held);
            }
            _ if held > now => return self.agenda.put(held, item),
            _ => {}
        }
        match item {
            Item::Connect { side, attempt } => self.connect(side, attempt, now),
            Item::ToServer(link) => self.arrives_at_server(link, now),
            Item::ToClient(link) => self.arrives_at_client(link, now),
            Item::ClientWrites(side) => self.client_writes(side, now),
            Item::ServerWrites(link) => {
                self.server_writes(link, now);
                self.pump_server(now); // frames that waited for the peer to listen
            }
            Item::ServerLoses(link) => self.server_loses(link, now),
            Item::ClientLoses(link) => self.client_loses(link, now),
            Item::HandOver(link) => self.handed_over(link, now),
            Item::Handler { life, call } => self.handler_is_due(life, call),
            Item::ClientWakes(client) => self.client_timer(client, now),
            Item::ServerWakes => self.server_timer(now),
        }
    }

    fn timers(&mut self, now: Time) {
        for client in 0..self.clients.len() {
            self.client_timer(client, now);
        }
        self.server_timer(now);
    }

    fn connect(&mut self, id: SideId, attempt: u64, now: Time) {
        let Some(owner) = self.clients.get_mut(id.client) else { return };
        let peer = owner.peer;
        if !owner.side(id).is_some_and(|side| side.attempt == attempt && side.link.is_none()) {
            return; // given up meanwhile
        }
        let refused = self.random.f64() < self.config.faults.refuse;
        let client = id.client;
        self.trace.note(now, &[1, client as u64, u64::from(refused)], || {
            format!("client {client} connects{}", if refused { ": refused" } else { "" })
        });
        if refused || self.server.is_none() {
            self.seen.refused += 1;
            self.observer.see(now, || Happening::Refused { client });
            return self.client_not_connected(id, now);
        }
        let link = self.make_link(Some(id), peer, self.config.faults.clone());
        self.observer.see(now, || Happening::Connected { client, link });
        self.client_connected(id, link, now);
    }
}
