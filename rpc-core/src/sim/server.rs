//! The server of a world: what a loop does for the server's protocol, and handlers that take virtual time.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::agenda::Item;
use super::world::{LinkId, World};
use crate::contract::Directory;
use crate::error::Reason;
use crate::ids::{Clock, Incarnation, Time};
use crate::proto::server::{CallKey, ConnId, Counters, ReadyCall, ServerConfig, ServerCore};
use crate::service::{Dispatch, Service, Surroundings};
use crate::wire::message::Status;

/// Bytes on their way to a client beyond which the server's writes wait, as a socket's buffer would make them.
const WINDOW: usize = 128 << 10;

/// How long handlers take, in virtual time.
#[derive(Clone, Debug)]
pub struct Handlers {
    /// How many of them (0 to 1) take any time at all.
    pub slow: f64,
    /// Longest time that one takes.
    pub longest: Duration,
    /// How many run at once.
    pub at_once: usize,
}

impl Default for Handlers {
    fn default() -> Self {
        Handlers { slow: 0.0, longest: Duration::ZERO, at_once: 256 }
    }
}

/// One life of the server.
#[derive(Debug)]
pub(super) struct ServerSide {
    pub(super) core: ServerCore,
    links: BTreeMap<ConnId, LinkId>,
    running: BTreeMap<u64, Running>,
    jobs: VecDeque<Job>,
    next_call: u64,
}

/// A call between `poll_call` and `finish`.
#[derive(Debug)]
enum Running {
    /// Entered at the end of its time, so that it sees what happened meanwhile.
    Waits(Box<ReadyCall>),
    /// Handed out.
    Entered,
    /// Entered at once; its answer comes at the end of its time.
    Answered(CallKey, Status, Vec<u8>),
}

/// A handler to be entered now.
pub struct Job {
    life: u64,
    call: u64,
    /// When its answer is to be there.
    due: Time,
    ready: Box<ReadyCall>,
    service: Arc<dyn Service>,
    clock: Arc<dyn Clock>,
    limit: usize,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({} {})", self.ready.entry.method.name, self.ready.call)
    }
}

/// What a handler gave.
#[derive(Debug)]
pub struct JobDone {
    life: u64,
    call: u64,
    due: Time,
    key: CallKey,
    status: Status,
    body: Vec<u8>,
}

impl Job {
    /// Enters the handler. A panic is contained.
    pub fn run(self) -> JobDone {
        let entered = Cell::new(false);
        let mut body = Vec::new();
        let around = Surroundings {
            call: self.ready.call,
            peer: None,
            deadline: self.ready.deadline,
            clock: &self.clock,
            cancelled: self.ready.cancelled.as_ref(),
            limit: self.limit,
        };
        let index = self.ready.entry.index;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            self.service.dispatch(Dispatch::new(index, &self.ready.body, &mut body, &entered, around))
        }));
        let status = match outcome {
            Ok(Ok(dispatched)) => dispatched.status(),
            Ok(Err(refused)) => {
                body = refused.detail.into_bytes();
                Status::Refused(refused.reason)
            }
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                body = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default().into();
                if entered.get() { Status::Panicked } else { Status::Refused(Reason::BadArguments) }
            }
        };
        JobDone { life: self.life, call: self.call, due: self.due, key: self.ready.key, status, body }
    }
}

impl ServerSide {
    pub(super) fn accept(&mut self, link: LinkId, now: Time) -> ConnId {
        let conn = self.core.handle_connected(None, now);
        self.links.insert(conn, link);
        conn
    }

    pub(super) fn forget(&mut self, conn: ConnId, now: Time) {
        self.links.remove(&conn);
        self.core.remove(conn, now);
    }
}

impl World {
    /// The server's process ends without a word: its connections break, its memory is gone, what its handlers did
    /// stays done.
    pub fn crash_server(&mut self) {
        let now = self.now();
        self.trace.note(now, &[12], || "the server crashes".to_owned());
        let Some(gone) = self.server.take() else { return };
        self.earlier = self.earlier.plus(gauges_off(gone.core.counters()));
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            if let Some(found) = self.links.get_mut(&link) {
                found.conn = None;
                found.up.kill();
                found.down.end(now); // what had left the server may still arrive
            }
            let late = if self.random.u8(0..4) == 0 { 3_000_000 } else { 20_000 };
            let at = now.plus(Duration::from_micros(self.random.u64(0..late)));
            self.agenda.put(at, Item::ClientLoses(link));
            self.note_arrival(link, false);
        }
    }

    /// The server's process starts, with another incarnation; one that runs crashes first.
    ///
    /// # Panics
    /// When two of its services cannot be told apart.
    pub fn restart_server(&mut self) {
        if self.server.is_some() {
            self.crash_server();
        }
        self.life += 1;
        let now = self.now();
        self.trace.note(now, &[13, self.life], || "the server starts".to_owned());
        let contracts = self.services.0.iter().map(|service| service.contract()).collect();
        let directory = match Directory::new(contracts) {
            Ok(directory) => directory,
            Err(error) => panic!("these services cannot stand on one server: {error}"),
        };
        let config = ServerConfig {
            limits: self.config.limits.clone(),
            directory,
            incarnation: Incarnation(u128::from(self.life)),
            loop_number: 0,
            loops: 1,
            at_most_once: self.config.at_most_once,
        };
        let mut random = self.random.fork();
        let entropy = move || {
            let mut bytes = [0; 32];
            random.fill(&mut bytes);
            bytes
        };
        self.server = Some(ServerSide {
            core: ServerCore::new(config, Box::new(entropy)),
            links: BTreeMap::new(),
            running: BTreeMap::new(),
            jobs: VecDeque::new(),
            next_call: 0,
        });
    }

    /// The server begins to drain.
    pub fn drain_server(&mut self) {
        let now = self.now();
        self.trace.note(now, &[14], || "the server drains".to_owned());
        if let Some(server) = &mut self.server {
            server.core.start_drain(now);
        }
        self.pump_server(now);
    }

    /// The server's state machine, to look at; none after a crash.
    pub fn server(&self) -> Option<&ServerCore> {
        self.server.as_ref().map(|server| &server.core)
    }

    /// What all lives of the server have counted.
    pub fn server_counters(&self) -> Counters {
        let now = self.server.as_ref().map(|server| server.core.counters()).unwrap_or_default();
        self.earlier.plus(now)
    }

    /// A handler to be entered: run it and hand in what it gives. Others may go on meanwhile.
    pub fn poll_job(&mut self) -> Option<Job> {
        self.server.as_mut()?.jobs.pop_front()
    }

    /// A handler has returned; its answer leaves when its time is over.
    pub fn job_done(&mut self, done: JobDone) {
        let now = self.now();
        let code = u64::from(done.status.code());
        self.trace
            .note(now, &[15, done.call, code], || format!("handler {} gives {:?}", done.call, done.status));
        let Some(server) = self.server.as_mut().filter(|_| done.life == self.life) else { return };
        let answer = Running::Answered(done.key, done.status, done.body);
        server.running.insert(done.call, answer);
        let item = Item::Handler { life: done.life, call: done.call };
        if done.due > now {
            self.agenda.put(done.due, item)
        } else {
            self.handler_is_due(done.life, done.call)
        }
    }

    pub(super) fn handler_is_due(&mut self, life: u64, call: u64) {
        let now = self.now();
        let Some(server) = self.server.as_mut().filter(|_| life == self.life) else { return };
        match server.running.remove(&call) {
            Some(Running::Waits(ready)) => {
                server.running.insert(call, Running::Entered);
                self.enter(call, ready, now);
            }
            Some(Running::Answered(key, status, body)) => {
                server.core.finish(key, status, &body, now);
                self.pump_server(now);
            }
            Some(Running::Entered) | None => {}
        }
    }

    fn enter(&mut self, call: u64, ready: Box<ReadyCall>, due: Time) {
        let now = self.now();
        self.trace.note(now, &[16, call, u64::from(ready.call.slot), ready.call.seq], || {
            format!("handler {call}: {} {}", ready.entry.method.name, ready.call)
        });
        let Some(service) = self.services.0.get(ready.entry.service).cloned() else { return };
        let clock: Arc<dyn Clock> = self.clock.clone();
        let (life, limit) = (self.life, self.config.limits.max_frame);
        if let Some(server) = &mut self.server {
            server.jobs.push_back(Job { life, call, due, ready, service, clock, limit });
        }
    }

    /// Does what the server asks for, until it asks for nothing more.
    pub(super) fn pump_server(&mut self, now: Time) {
        while let Some(server) = &mut self.server {
            if server.running.len() >= self.config.handlers.at_once {
                break;
            }
            let Some(ready) = server.core.poll_call(now) else { break };
            self.begin(Box::new(ready), now);
        }
        while let Some(server) = &mut self.server {
            let Some(conn) = server.core.poll_ready() else { break };
            if let Some(link) = server.links.get(&conn).copied() {
                self.server_writes(link, now);
            }
        }
    }

    /// Draws how long a handler takes, and whether it is entered at the beginning or at the end of that time.
    fn begin(&mut self, ready: Box<ReadyCall>, now: Time) {
        let handlers = &self.config.handlers;
        let slow = handlers.slow > 0.0 && self.random.f64() < handlers.slow;
        let longest = handlers.longest.as_micros() as u64;
        let takes = if slow { Duration::from_micros(self.random.u64(0..=longest)) } else { Duration::ZERO };
        let at_the_end = slow && self.random.bool();
        let Some(server) = &mut self.server else { return };
        server.next_call += 1;
        let call = server.next_call;
        let due = now.plus(takes);
        if at_the_end {
            server.running.insert(call, Running::Waits(ready));
            self.agenda.put(due, Item::Handler { life: self.life, call });
        } else {
            server.running.insert(call, Running::Entered);
            self.enter(call, ready, due);
        }
    }

    /// Writes what a connection has to write, as far as there is room; closes it if the protocol says so.
    pub(super) fn server_writes(&mut self, link: LinkId, now: Time) {
        let Some(found) = self.links.get_mut(&link) else { return };
        let (Some(conn), Some(server)) = (found.conn, self.server.as_mut()) else { return };
        let short = self.config.faults.short_write;
        let mut bytes = Vec::new();
        if let Some(outgoing) = server.core.outgoing(conn) {
            let unsent = outgoing.unsent();
            let mut count = unsent.len().min(WINDOW.saturating_sub(found.down.queued()));
            if count > 1 && short > 0.0 && self.random.f64() < short {
                count = self.random.usize(1..count);
            }
            bytes.extend_from_slice(unsent.get(..count).unwrap_or_default());
        }
        found.down.push(&bytes, now);
        server.core.handle_written(conn, bytes.len(), now);
        let left = server.core.outgoing(conn).is_some_and(|outgoing| !outgoing.unsent().is_empty());
        if server.core.wants_close(conn) {
            found.conn = None;
            found.down.end(now);
            server.forget(conn, now);
        } else if left {
            self.agenda.put(now.plus(Duration::from_millis(1)), Item::ServerWrites(link));
        }
        self.watch(link, &bytes);
        self.note_arrival(link, false);
        self.tidy(link);
    }
}

/// Counts of a life that has ended, without what it held.
fn gauges_off(counters: Counters) -> Counters {
    let mut counters = counters;
    counters.sessions = 0;
    counters.connections = 0;
    counters.records = 0;
    counters.record_bytes = 0;
    counters.kept_bytes = 0;
    counters.queued = 0;
    counters.running = 0;
    counters
}
