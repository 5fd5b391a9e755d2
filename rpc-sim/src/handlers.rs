//! Handlers of a world: they take virtual time, and are entered at its beginning or at its end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rpc_core::ids::{CallId, Time};
use rpc_core::proto::server::{CallKey, ReadyCall};
use rpc_core::service::{DispatchEnv, dispatch};
use rpc_core::wire::message::Status;

use crate::agenda::Item;
use crate::observer::Happening;
use crate::world::World;

/// The time that handlers take, in virtual time.
///
/// ```
/// use std::time::Duration;
/// use rpc_core::{CallError, Health, HealthClient};
/// use rpc_sim::{Faults, Handlers, Network};
///
/// let network = Network::new(5, Faults::none());
/// network.serve(Health::new());
/// let minute = Duration::from_secs(60);
/// network.handlers(Handlers { slow: 1.0, longest: minute, ..Handlers::default() });
/// let health: HealthClient = network.client();
/// let outcome = health.call.with_deadline(Duration::from_secs(1)).check();
/// assert!(matches!(outcome, Err(CallError::Unknown(_))), "its handler still runs");
/// ```
#[derive(Clone, Debug)]
pub struct Handlers {
    /// The share of handlers (0 to 1) that take any time at all.
    pub slow: f64,
    /// Longest time that one takes.
    pub longest: Duration,
    /// The number of handlers that run at once, divided among the loops of the server; each loop runs at least one.
    pub at_once: usize,
}

impl Default for Handlers {
    fn default() -> Self {
        Handlers { slow: 0.0, longest: Duration::ZERO, at_once: 256 }
    }
}

/// A call between `poll_call` and `finish`, and the loop that it belongs to.
#[derive(Debug)]
pub(super) enum Running {
    /// Entered at the end of its time, so that it sees what happened meanwhile.
    Waits(usize, Box<ReadyCall>),
    /// Handed out.
    Entered(usize),
    /// Entered at once; its answer comes at the end of its time.
    Answered(usize, CallKey, Option<Status>, Vec<u8>),
}

impl Running {
    /// The loop that it belongs to.
    fn of_loop(&self) -> usize {
        match self {
            Running::Waits(number, _) | Running::Entered(number) | Running::Answered(number, ..) => *number,
        }
    }
}

/// A handler to be entered now.
pub struct Job {
    life: u64,
    call: u64,
    of_loop: usize,
    /// The time at which its reply is ready, in the world's time.
    due: Time,
    ready: Box<ReadyCall>,
    dispatch_env: Arc<DispatchEnv>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({} {})", self.ready.entry.method.name, self.ready.call)
    }
}

/// The result of a handler.
#[derive(Debug)]
pub struct JobDone {
    life: u64,
    call: u64,
    of_loop: usize,
    due: Time,
    key: CallKey,
    /// `None`: no handler holds the call any longer, and its reply comes later.
    status: Option<Status>,
    body: Vec<u8>,
}

impl Job {
    /// Returns the number of the handler, which counts those of one life of the server.
    pub fn handler(&self) -> u64 {
        self.call
    }

    /// Returns the call.
    pub fn call(&self) -> CallId {
        self.ready.call
    }

    /// Returns `Service.method`.
    pub fn method(&self) -> &'static str {
        self.ready.entry.method.name
    }

    /// Enters the handler. A panic is contained.
    pub fn run(self) -> JobDone {
        let mut body = Vec::new();
        let status = dispatch(&self.dispatch_env, &self.ready, &mut body);
        let Job { life, call, of_loop, due, .. } = self;
        JobDone { life, call, of_loop, due, key: self.ready.key, status, body }
    }
}

impl World {
    /// A handler to be entered: run it and hand in what it gives. Others may go on meanwhile.
    pub fn poll_job(&mut self) -> Option<Job> {
        self.server.as_mut()?.jobs.pop_front()
    }

    /// A handler has returned; its answer leaves when its time is over.
    pub fn job_done(&mut self, done: JobDone) {
        let now = self.now();
        let code = done.status.map_or(255, |status| u64::from(status.code()));
        self.trace
            .note(now, &[15, done.call, code], || format!("handler {} gives {:?}", done.call, done.status));
        self.observer.see(now, || Happening::HandlerEnded { handler: done.call, status: done.status });
        let Some(server) = self.server.as_mut().filter(|_| done.life == self.life) else { return };
        let answer = Running::Answered(done.of_loop, done.key, done.status, done.body);
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
        let local = self.server_time();
        let Some(server) = self.server.as_mut().filter(|_| life == self.life) else { return };
        match server.running.remove(&call) {
            Some(Running::Waits(of_loop, ready)) => {
                server.running.insert(call, Running::Entered(of_loop));
                self.enter(call, of_loop, ready, now);
            }
            Some(Running::Answered(of_loop, key, status, body)) => {
                match (server.loops.get_mut(of_loop), status) {
                    (Some(at), Some(status)) => at.core.finish(key, status, &body, local),
                    (Some(at), None) => at.core.hold(key, local),
                    (None, _) => {}
                }
                self.pump_server(now);
            }
            Some(Running::Entered(_)) | None => {}
        }
    }

    /// Hands out calls that may run, as far as there are threads.
    pub(super) fn begin_calls(&mut self, now: Time) {
        let local = self.server_time();
        let mut number = 0;
        while let Some(server) = &mut self.server {
            let most = (self.config.handlers.at_once / server.loops.len().max(1)).max(1);
            let busy = server.running.values().filter(|running| running.of_loop() == number).count();
            let Some(at) = server.loops.get_mut(number) else { return };
            match if busy < most { at.core.poll_call(local) } else { None } {
                Some(ready) => self.begin(number, Box::new(ready), now),
                None => number += 1,
            }
        }
    }

    /// Draws how long a handler takes, and whether it is entered at the beginning or at the end of that time.
    fn begin(&mut self, of_loop: usize, ready: Box<ReadyCall>, now: Time) {
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
            server.running.insert(call, Running::Waits(of_loop, ready));
            self.agenda.put(due, Item::Handler { life: self.life, call });
        } else {
            server.running.insert(call, Running::Entered(of_loop));
            self.enter(call, of_loop, ready, due);
        }
    }

    fn enter(&mut self, call: u64, of_loop: usize, ready: Box<ReadyCall>, due: Time) {
        let now = self.now();
        self.trace.note(now, &[16, call, u64::from(ready.call.slot), ready.call.seq], || {
            format!("handler {call}: {} {}", ready.entry.method.name, ready.call)
        });
        self.observer.see(now, || Happening::HandlerBegan {
            handler: call,
            call: ready.call,
            method: ready.entry.method.name,
        });
        let life = self.life;
        if let Some(server) = &mut self.server {
            let Some(at) = server.loops.get(of_loop) else { return };
            let dispatch_env = Arc::clone(&at.dispatch_env);
            server.jobs.push_back(Job { life, call, of_loop, due, ready, dispatch_env });
        }
    }
}
