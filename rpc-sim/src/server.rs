//! The server of a world: what its loops do for the server's protocol.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rpc_core::contract::Directory;
use rpc_core::ids::{Incarnation, Time};
use rpc_core::proto::server::{ConnId, ServerConfig, ServerCore, ServerCounters};
use rpc_core::service::DispatchEnv;

use crate::agenda::Item;
use crate::handlers::{Job, Running};
use crate::held::HeldByLoop;
use crate::observer::Happening;
use crate::world::{LinkId, World};

/// One life of the server.
pub(super) struct ServerSide {
    pub(super) loops: Vec<LoopSide>,
    pub(super) running: BTreeMap<u64, Running>,
    pub(super) jobs: VecDeque<Job>,
    pub(super) next_call: u64,
    /// Connections on their way to another loop, with what they have said so far.
    pub(super) moving: BTreeMap<LinkId, (usize, Bytes)>,
}

impl fmt::Debug for ServerSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerSide({:?}, {} run)", self.loops, self.running.len())
    }
}

/// One loop of the server, with a state machine of its own.
#[derive(Debug)]
pub(super) struct LoopSide {
    pub(super) core: ServerCore,
    pub(super) dispatch_env: Arc<DispatchEnv>,
    /// The calls of this loop that no handler holds.
    pub(super) held: Arc<HeldByLoop>,
    links: BTreeMap<ConnId, LinkId>,
}

/// A connection's place: its loop, and its name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) of_loop: usize,
    pub(super) conn: ConnId,
}

impl ServerSide {
    fn accept(
        &mut self,
        of_loop: usize,
        link: LinkId,
        peer: Option<SocketAddr>,
        local: Time,
    ) -> Option<Place> {
        let at = self.loops.get_mut(of_loop)?;
        let conn = at.core.handle_connected(peer, local);
        at.links.insert(conn, link);
        Some(Place { of_loop, conn })
    }

    /// The state machine that has a connection.
    pub(super) fn core(&mut self, place: Place) -> Option<&mut ServerCore> {
        self.loops.get_mut(place.of_loop).map(|at| &mut at.core)
    }

    pub(super) fn forget(&mut self, place: Place, local: Time) {
        if let Some(at) = self.loops.get_mut(place.of_loop) {
            at.links.remove(&place.conn);
            at.core.remove(place.conn, local);
        }
    }

    fn next_timer(&self) -> Option<Time> {
        self.loops.iter().filter_map(|at| at.core.poll_timeout()).min()
    }
}

impl World {
    /// The server's process ends without a word: its connections break, its memory is gone, what its handlers did
    /// stays done.
    pub fn crash_server(&mut self) {
        let now = self.now();
        self.trace.note(now, &[12], || "the server crashes".to_owned());
        let Some(gone) = self.server.take() else { return };
        self.observer.see(now, || Happening::Crashed);
        for at in &gone.loops {
            self.earlier = self.earlier.plus(gauges_off(at.core.counters()));
        }
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            if let Some(found) = self.links.get_mut(&link) {
                found.place = None;
                found.moving = false;
                found.up.kill();
                found.down.end(now); // what had left the server may still arrive
            }
            let late = if self.random.u8(0..4) == 0 { 3_000_000 } else { 20_000 };
            let at = now.plus(Duration::from_micros(self.random.u64(0..late)));
            self.agenda.put(at, Item::ClientLoses(link));
            self.see_frames(link, true);
            self.note_arrival(link, false);
        }
    }

    /// The server's process starts, with another incarnation; one that runs crashes first.
    ///
    /// # Panics
    /// Two of its services cannot be told apart.
    pub fn restart_server(&mut self) {
        if self.server.is_some() {
            self.crash_server();
        }
        self.life += 1;
        self.server_paused_until = Time::default();
        let now = self.now();
        self.trace.note(now, &[13, self.life], || "the server starts".to_owned());
        self.observer.see(now, || Happening::Serving { life: self.life });
        let contracts = self.services.0.iter().map(|service| service.contract()).collect();
        let directory = match Directory::new(contracts) {
            Ok(directory) => directory,
            Err(error) => panic!("these services cannot stand on one server: {error}"),
        };
        let loops = self.config.loops.clamp(1, rpc_core::limits::MAX_LOOPS);
        let mut store = self.open_store(loops);
        let life = Incarnation(u128::from(self.life));
        let incarnation = store.as_ref().map_or(life, |store| store.incarnation);
        let local = self.server_time();
        let loops = (0..loops).map(|number| {
            let config = ServerConfig {
                limits: self.config.limits.clone(),
                directory: directory.clone(),
                incarnation,
                loop_number: number as u8, // below 256
                loops,
                at_most_once: self.config.at_most_once,
            };
            let mut random = self.random.fork();
            let entropy = move || {
                let mut bytes = [0; 32];
                random.fill(&mut bytes);
                bytes
            };
            let held: Arc<HeldByLoop> = Arc::default();
            let dispatch_env = DispatchEnv {
                services: self.services.0.clone(),
                clock: self.server_clock.clone(),
                bounds: self.config.limits.bounds_of_a_value(),
                holder: held.clone(),
                durable: store.as_ref().map(|store| store.calls.clone()),
            };
            let (mut core, links) = (ServerCore::new(config, Box::new(entropy)), BTreeMap::new());
            if let Some(store) = &mut store {
                store.restore(&mut core, number, local);
            }
            LoopSide { core, dispatch_env: Arc::new(dispatch_env), held, links }
        });
        let loops = loops.collect();
        self.server = Some(ServerSide {
            loops,
            running: BTreeMap::new(),
            jobs: VecDeque::new(),
            next_call: 0,
            moving: BTreeMap::new(),
        });
    }

    /// The server begins to drain.
    pub fn drain_server(&mut self) {
        let now = self.now();
        let local = self.server_time();
        self.trace.note(now, &[14], || "the server drains".to_owned());
        self.observer.see(now, || Happening::Drains);
        for at in self.server.iter_mut().flat_map(|server| &mut server.loops) {
            at.core.start_drain(local);
            at.held.draining.set();
        }
        self.pump_server(now);
    }

    /// Returns true if every loop of a server that drains may end.
    pub fn is_drained(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.loops.iter().all(|at| at.core.is_drained()))
    }

    /// The state machine of the server's first loop, to look at; none after a crash.
    pub fn server(&self) -> Option<&ServerCore> {
        self.servers().next()
    }

    /// The state machines of all loops of the server, to look at; none after a crash.
    pub fn servers(&self) -> impl Iterator<Item = &ServerCore> {
        self.server.iter().flat_map(|server| server.loops.iter().map(|at| &at.core))
    }

    /// The number of lives that the server has had so far.
    pub fn server_life(&self) -> u64 {
        self.life
    }

    /// Returns the time of the server's clock.
    pub fn server_time(&self) -> Time {
        self.server_local.at(self.now())
    }

    /// Returns true if the server stands still now.
    pub fn server_is_paused(&self) -> bool {
        self.server_paused_until > self.now()
    }

    /// Returns the counters of all lives of the server.
    pub fn server_counters(&self) -> ServerCounters {
        self.servers().fold(self.earlier, |sum, core| sum.plus(core.counters()))
    }

    /// The server stands still for so long, as a stopped process does; with `clock`, its clock stands still too.
    pub fn pause_server(&mut self, duration: Duration, clock: bool) {
        let now = self.now();
        self.trace.note(now, &[26], || format!("the server stands still for {duration:?}"));
        self.server_paused_until = self.server_paused_until.max(now.plus(duration));
        if clock {
            self.server_local.stand_still(self.server_paused_until, now);
        }
        if self.random.bool() {
            self.agenda.put(self.server_paused_until, Item::ServerWakes);
        }
    }

    /// The server's clock jumps forward, as after a suspension.
    pub fn jump_server(&mut self, by: Duration) {
        let now = self.now();
        self.trace.note(now, &[27], || format!("the clock of the server jumps by {by:?}"));
        self.server_local.jump(by, now);
        self.show_time(now);
    }

    /// The server's clock moves so many microseconds in each second of the world from now on.
    pub fn set_server_rate(&mut self, rate: u64) {
        let now = self.now();
        self.server_local.set_rate(rate, now);
    }

    /// Returns the time of the server's next timer, in the world's time.
    pub(super) fn server_next_at(&self) -> Option<Time> {
        let due = self.server.as_ref()?.next_timer()?;
        Some(self.server_local.world_time(due).max(self.server_paused_until))
    }

    pub(super) fn server_timer(&mut self, now: Time) {
        let local = self.server_time();
        if self.server_paused_until > now {
            return;
        }
        let mut acted = false;
        for at in self.server.iter_mut().flat_map(|server| &mut server.loops) {
            if at.core.poll_timeout().is_some_and(|due| due <= local) {
                at.core.handle_timeout(local);
                acted = true;
            }
        }
        if acted {
            self.pump_server(now);
        }
    }

    /// A new connection reaches one of the loops, as the kernel likes.
    pub(super) fn accept(&mut self, link: LinkId, peer: Option<SocketAddr>) -> Option<Place> {
        let local = self.server_time();
        let loops = self.server.as_ref()?.loops.len();
        let of_loop = if loops > 1 { self.random.usize(0..loops) } else { 0 };
        self.server.as_mut()?.accept(of_loop, link, peer, local)
    }

    /// Does what the server asks for, until it asks for nothing more.
    pub(super) fn pump_server(&mut self, now: Time) {
        if self.server_paused_until > now {
            return; // it looks when it goes on: its timers are due, or something arrives
        }
        self.begin_calls(now);
        let loops = self.server.as_ref().map_or(0, |server| server.loops.len());
        for number in 0..loops {
            self.hand_over(number, now);
            while let Some(at) = self.server.as_mut().and_then(|server| server.loops.get_mut(number)) {
                let Some(conn) = at.core.poll_ready() else { break };
                if let Some(link) = at.links.get(&conn).copied() {
                    self.server_writes(link, now);
                }
            }
        }
    }

    /// Sends connections on their way to the loops that own their sessions.
    fn hand_over(&mut self, number: usize, now: Time) {
        let local = self.server_time();
        while let Some(server) = &mut self.server {
            let Some(at) = server.loops.get_mut(number) else { return };
            let Some(moved) = at.core.poll_hand_over() else { return };
            at.core.remove(moved.conn, local);
            let Some(link) = at.links.remove(&moved.conn) else { continue };
            server.moving.insert(link, (usize::from(moved.to_loop), moved.input));
            if let Some(found) = self.links.get_mut(&link) {
                found.place = None;
                found.moving = true;
            }
            self.seen_by_server.handed_over += 1;
            let takes = Duration::from_micros(self.random.u64(1..20_000));
            self.agenda.put(now.plus(takes), Item::HandOver(link));
        }
    }

    /// A connection arrives at the loop that owns its session, with all that it has said.
    pub(super) fn handed_over(&mut self, link: LinkId, now: Time) {
        let local = self.server_time();
        let Some((to, input)) = self.server.as_mut().and_then(|server| server.moving.remove(&link)) else {
            return;
        };
        let Some(found) = self.links.get_mut(&link) else { return };
        found.moving = false;
        let Some(server) = &mut self.server else { return };
        found.place = server.accept(to, link, found.peer, local);
        if let Some(place) = found.place {
            if let Some(core) = server.core(place) {
                core.handle_input(place.conn, input, local);
            }
        }
        self.pump_server(now);
        self.note_arrival(link, true);
    }

    /// Writes what a connection has to write, as far as there is room; closes it if the protocol says so.
    pub(super) fn server_writes(&mut self, link: LinkId, now: Time) {
        let local = self.server_time();
        let (short, window) = (self.config.faults.short_write, self.config.window);
        let place = self.links.get(&link).and_then(|found| found.place);
        if place.is_some_and(|place| !self.commit(place.of_loop)) {
            return;
        }
        let Some(found) = self.links.get_mut(&link) else { return };
        let (Some(place), Some(server)) = (found.place, self.server.as_mut()) else { return };
        let Some(core) = server.core(place) else { return };
        let mut bytes = Vec::new();
        if let Some(outgoing) = core.outgoing(place.conn) {
            let unsent = outgoing.unsent();
            let mut count = unsent.len().min(window.saturating_sub(found.down.on_their_way()));
            if count > 1 && short > 0.0 && self.random.f64() < short {
                count = self.random.usize(1..count);
            }
            bytes.extend_from_slice(unsent.get(..count).unwrap_or_default());
        }
        found.down.push(&bytes, now);
        core.handle_written(place.conn, bytes.len(), local);
        let left = core.outgoing(place.conn).is_some_and(|outgoing| !outgoing.unsent().is_empty());
        if core.wants_close(place.conn) {
            found.place = None;
            found.down.end(now);
            server.forget(place, local);
        } else if left && found.down.on_their_way() >= window {
            found.blocked = true; // until the client reads
            self.seen_by_server.blocked += 1;
        } else if left {
            self.agenda.put(now.plus(Duration::from_millis(1)), Item::ServerWrites(link));
        }
        self.watch(link, &bytes);
        self.note_arrival(link, false);
        self.tidy(link);
    }
}

/// Counts of a life that has ended, without what it held.
fn gauges_off(counters: ServerCounters) -> ServerCounters {
    let mut counters = counters;
    counters.sessions = 0;
    counters.connections = 0;
    counters.records = 0;
    counters.record_bytes = 0;
    counters.call_bytes = 0;
    counters.kept_bytes = 0;
    counters.queued = 0;
    counters.running = 0;
    counters.held = 0;
    counters
}
