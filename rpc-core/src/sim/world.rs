//! The world: a clock, one server, clients, connections between them, and the order in which things happen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::agenda::{Agenda, Item};
use super::clients::ClientSide;
use super::faults::{Faults, FaultsSeen};
use super::mangler::{Delivery, Mangler};
use super::server::{Handlers, ServerSide};
use super::trace::{Trace, describe};
use crate::ids::{Clock, Time};
use crate::limits::ServerLimits;
use crate::proto::server::{ConnId, Counters};
use crate::service::Service;
use crate::wire::frame::{FrameDecoder, Kind};

/// More steps than this without a moment passing: somebody asks to be woken again and again, and does nothing.
const SPINS: u32 = 20_000;

/// A client of a [`World`].
pub type ClientId = usize;

/// A connection of a [`World`].
pub type LinkId = u64;

/// The world's clock: it moves when the world does.
#[derive(Debug, Default)]
pub struct SimClock(AtomicU64);

impl Clock for SimClock {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::Relaxed))
    }
}

/// What a world is made with.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// What the network does.
    pub faults: Faults,
    /// The server's bounds.
    pub limits: ServerLimits,
    /// `false` switches the duplicate filter off.
    pub at_most_once: bool,
    /// How long handlers take.
    pub handlers: Handlers,
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
            trace: false,
        }
    }
}

/// A connection: two directions, and who still holds its ends.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: Option<ClientId>, // none: bytes of a test, not a client
    pub(super) client_open: bool,
    pub(super) conn: Option<ConnId>,
    pub(super) up: Mangler,
    pub(super) down: Mangler,
    pub(super) received: Vec<u8>, // by a test
    watch: FrameDecoder,          // what the server really wrote
}

/// A virtual clock, one server, any number of clients, and a network with faults: all from one seed.
///
/// Handlers run only when asked for: [`World::advance`] does both; [`World::step`] leaves them to
/// [`World::poll_job`].
#[derive(Debug)]
pub struct World {
    pub(super) config: WorldConfig,
    pub(super) clock: Arc<SimClock>,
    pub(super) random: fastrand::Rng,
    pub(super) agenda: Agenda,
    pub(super) trace: Trace,
    pub(super) services: Services,
    pub(super) server: Option<ServerSide>,
    pub(super) life: u64,
    pub(super) clients: Vec<ClientSide>,
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) earlier: Counters, // of server lives that have ended
    pub(super) rejects: u64,
    partition_until: Time,
    next_link: LinkId,
    seen: FaultsSeen, // by links that are gone
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
    /// When two of the services cannot be told apart.
    pub fn new(config: WorldConfig, services: Vec<Arc<dyn Service>>) -> Self {
        let mut world = World {
            clock: Arc::default(),
            random: fastrand::Rng::with_seed(config.seed),
            agenda: Agenda::default(),
            trace: Trace::new(config.trace),
            services: Services(services),
            server: None,
            life: 0,
            clients: Vec::new(),
            links: BTreeMap::new(),
            earlier: Counters::default(),
            rejects: 0,
            partition_until: Time::default(),
            next_link: 0,
            seen: FaultsSeen::default(),
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

    /// The clock, for whoever needs to look at it.
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
        stepped || ran
    }

    /// Lets everything happen that happens until then.
    pub fn run_until(&mut self, until: Time) {
        while self.advance(until) {}
    }

    /// Lets one thing happen, but enters no handler. `false`: nothing does until `until`, and that is when it is now.
    ///
    /// # Panics
    /// When the protocol asks again and again to be woken at once and does nothing: it would burn a processor.
    pub fn step(&mut self, until: Time) -> bool {
        let Some(at) = self.next_at().filter(|at| *at <= until) else {
            self.clock.0.fetch_max(until.0.min(u64::MAX / 2), Ordering::Relaxed);
            return false;
        };
        let before = self.clock.0.fetch_max(at.0, Ordering::Relaxed);
        self.spins = if before < at.0 { 0 } else { self.spins + 1 };
        assert!(self.spins < SPINS, "a timer is due again and again at {at:?}");
        let now = self.now();
        match self.agenda.pop(now) {
            Some(item) => self.act(item, now),
            None => self.timers(now),
        }
        true
    }

    /// When something happens next.
    pub fn next_at(&self) -> Option<Time> {
        let server = self.server.as_ref().and_then(|server| server.core.poll_timeout());
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

    /// What the network did so far.
    pub fn faults_seen(&self) -> FaultsSeen {
        self.links.values().fold(self.seen, |sum, link| sum.plus(link.up.seen()).plus(link.down.seen()))
    }

    /// A hash over everything that happened: equal for two runs of the same seed.
    pub fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }

    /// What happened, a line each; empty unless asked for.
    pub fn trace_lines(&self) -> &[String] {
        self.trace.lines()
    }

    /// How many of the server's REJECT frames went to clients (V14: none, if all are honest).
    pub fn rejects(&self) -> u64 {
        self.rejects
    }

    /// Connects without a client, for tests that write their own bytes; no faults on the way. `None`: no server.
    pub fn raw_connect(&mut self) -> Option<LinkId> {
        let now = self.now();
        self.server.as_ref()?;
        Some(self.make_link(None, Faults::none(), now))
    }

    /// Writes bytes on a connection made by [`World::raw_connect`]. `false`: the server has closed it.
    pub fn raw_send(&mut self, link: LinkId, bytes: &[u8]) -> bool {
        let now = self.now();
        let Some(found) = self.links.get_mut(&link).filter(|found| found.conn.is_some()) else {
            return false;
        };
        found.up.push(bytes, now);
        self.note_arrival(link, true);
        true
    }

    /// Takes what has arrived on a connection made by [`World::raw_connect`].
    pub fn raw_received(&mut self, link: LinkId) -> Vec<u8> {
        self.links.get_mut(&link).map(|link| std::mem::take(&mut link.received)).unwrap_or_default()
    }

    /// Closes a connection made by [`World::raw_connect`].
    pub fn raw_close(&mut self, link: LinkId) {
        let now = self.now();
        self.client_closes(link, now);
    }

    fn act(&mut self, item: Item, now: Time) {
        match item {
            Item::Connect { client, attempt } => self.connect(client, attempt, now),
            Item::ToServer(link) | Item::ToClient(link) if self.partition_until > now => {
                self.agenda.put(self.partition_until, item);
                let _ = link;
            }
            Item::ToServer(link) => self.to_server(link, now),
            Item::ToClient(link) => self.to_client(link, now),
            Item::ClientWrites(client) => self.client_writes(client, now),
            Item::ServerWrites(link) => {
                self.server_writes(link, now);
                self.pump_server(now); // frames that waited for the peer to listen
            }
            Item::ServerLoses(link) => self.server_loses(link, now),
            Item::ClientLoses(link) => self.client_loses(link, now),
            Item::Handler { life, call } => self.handler_is_due(life, call),
        }
    }

    fn timers(&mut self, now: Time) {
        for client in 0..self.clients.len() {
            self.client_timer(client, now);
        }
        if let Some(server) = &mut self.server {
            if server.core.poll_timeout().is_some_and(|due| due <= now) {
                server.core.handle_timeout(now);
                self.pump_server(now);
            }
        }
    }

    fn connect(&mut self, client: ClientId, attempt: u64, now: Time) {
        if !self.clients.get(client).is_some_and(|side| side.attempt == attempt && side.link.is_none()) {
            return; // given up meanwhile
        }
        if self.partition_until > now {
            return self.agenda.put(self.partition_until, Item::Connect { client, attempt });
        }
        let refused = self.random.f64() < self.config.faults.refuse;
        self.trace.note(now, &[1, client as u64, u64::from(refused)], || {
            format!("client {client} connects{}", if refused { ": refused" } else { "" })
        });
        if refused || self.server.is_none() {
            self.seen.refused += 1;
            return self.client_not_connected(client, now);
        }
        let link = self.make_link(Some(client), self.config.faults.clone(), now);
        self.client_connected(client, link, now);
    }

    fn make_link(&mut self, client: Option<ClientId>, faults: Faults, now: Time) -> LinkId {
        self.next_link += 1;
        let link = self.next_link;
        let conn = self.server.as_mut().map(|server| server.accept(link, now));
        let mut watch = FrameDecoder::default();
        watch.agree(usize::MAX / 64, false, false);
        let up = Mangler::new(faults.clone(), self.random.u64(..));
        let down = Mangler::new(faults, self.random.u64(..));
        let received = Vec::new();
        self.links.insert(link, Link { client, client_open: true, conn, up, down, received, watch });
        link
    }

    fn to_server(&mut self, link: LinkId, now: Time) {
        let Some(found) = self.links.get_mut(&link) else { return };
        let (Some(conn), Some(server)) = (found.conn, self.server.as_mut()) else { return };
        if !server.core.wants_read(conn) && !server.core.wants_close(conn) {
            return self.agenda.put(now.plus(Duration::from_millis(2)), Item::ToServer(link));
        }
        match found.up.pop(now) {
            Some(Delivery::Bytes(bytes)) => {
                let hash = u64::from(crc32c::crc32c(&bytes));
                self.trace
                    .note(now, &[2, link, hash], || format!("link {link} to server: {}", describe(&bytes)));
                server.core.handle_input(conn, bytes, now);
                self.pump_server(now);
            }
            Some(Delivery::End) => self.link_ends(link, now),
            None => {}
        }
        self.note_arrival(link, true);
    }

    fn to_client(&mut self, link: LinkId, now: Time) {
        let Some(found) = self.links.get_mut(&link) else { return };
        match found.down.pop(now) {
            Some(Delivery::Bytes(bytes)) => {
                let hash = u64::from(crc32c::crc32c(&bytes));
                self.trace
                    .note(now, &[3, link, hash], || format!("link {link} to client: {}", describe(&bytes)));
                match found.client.filter(|_| found.client_open) {
                    Some(client) => self.client_reads(client, link, bytes, now),
                    None => found.received.extend_from_slice(&bytes),
                }
            }
            Some(Delivery::End) => self.link_ends(link, now),
            None => {}
        }
        self.note_arrival(link, false);
    }

    /// Puts the next arrival of a direction on the agenda.
    pub(super) fn note_arrival(&mut self, link: LinkId, to_server: bool) {
        let Some(found) = self.links.get(&link) else { return };
        let (next, item) = match to_server {
            true => (found.up.next_at(), Item::ToServer(link)),
            false => (found.down.next_at(), Item::ToClient(link)),
        };
        if let Some(at) = next {
            self.agenda.put(at.max(self.clock.now()), item);
        }
    }

    /// What the server wrote, before the network touches it.
    pub(super) fn watch(&mut self, link: LinkId, bytes: &[u8]) {
        let Some(found) = self.links.get_mut(&link).filter(|found| found.client.is_some()) else { return };
        found.watch.push(bytes::Bytes::copy_from_slice(bytes));
        while let Ok(Some(frame)) = found.watch.next_frame() {
            self.rejects += u64::from(frame.header.kind == Kind::Reject);
        }
    }

    /// The end of one direction has arrived: both sides lose the connection, unless they hold it no longer.
    fn link_ends(&mut self, link: LinkId, now: Time) {
        let Some(found) = self.links.get(&link) else { return };
        let closed_by_peer = !found.client_open || found.conn.is_none();
        let half_open = !closed_by_peer && self.random.f64() < self.config.faults.half_open;
        self.break_link(link, now, half_open);
    }

    /// Breaks a connection; with `half_open`, one of the sides does not notice for a while.
    pub(super) fn break_link(&mut self, link: LinkId, now: Time, half_open: bool) {
        let Some(found) = self.links.get_mut(&link) else { return };
        found.up.kill();
        found.down.kill();
        self.trace.note(now, &[4, link, u64::from(half_open)], || format!("link {link} breaks"));
        let (mut server_at, mut client_at) = (now, now);
        if half_open {
            let long = Duration::from_millis(self.random.u64(10..60_000));
            let side = if self.random.bool() { &mut server_at } else { &mut client_at };
            *side = now.plus(long);
        }
        self.agenda.put(server_at, Item::ServerLoses(link));
        self.agenda.put(client_at, Item::ClientLoses(link));
    }

    fn server_loses(&mut self, link: LinkId, now: Time) {
        if let Some(conn) = self.links.get_mut(&link).and_then(|found| found.conn.take()) {
            if let Some(server) = &mut self.server {
                server.core.handle_closed(conn, now);
                server.forget(conn, now);
            }
            self.pump_server(now);
        }
        self.tidy(link);
    }

    fn client_loses(&mut self, link: LinkId, now: Time) {
        let Some(found) = self.links.get_mut(&link).filter(|found| found.client_open) else {
            return self.tidy(link);
        };
        found.client_open = false;
        let client = found.client;
        self.tidy(link);
        if let Some(client) = client {
            self.client_lost(client, link, "the connection was cut", now);
        }
    }

    /// A client closes its end: what it wrote still arrives.
    pub(super) fn client_closes(&mut self, link: LinkId, now: Time) {
        let Some(found) = self.links.get_mut(&link) else { return };
        found.client_open = false;
        found.up.end(now);
        self.note_arrival(link, true);
        self.tidy(link);
    }

    /// Forgets a connection that nobody holds.
    pub(super) fn tidy(&mut self, link: LinkId) {
        if self.links.get(&link).is_some_and(|found| !found.client_open && found.conn.is_none()) {
            if let Some(gone) = self.links.remove(&link) {
                self.seen = self.seen.plus(gone.up.seen()).plus(gone.down.seen());
            }
        }
    }
}
