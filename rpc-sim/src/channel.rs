//! A client of a simulated network as stubs see it: the thread that waits moves the world.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use rpc_core::call::{Channel, ClientCounters, Ticket, Waiters, Woken};
use rpc_core::ids::{Incarnation, Time};
use rpc_core::proto::client::Outage;
use rpc_core::proto::{Outcome, Request, UnknownCause};
use rpc_core::wire::message::Table;

use crate::world::{ClientId, World};

/// A thread that sleeps for a call of a simulated network: there is none, since a caller moves the world instead.
type Sleeper = std::convert::Infallible;

/// A world, and the calls that callers wait for in it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) world: World,
    waiters: HashMap<ClientId, Waiters<Sleeper>>,
}

impl Shared {
    pub(super) fn new(world: World) -> Self {
        Shared { world, waiters: HashMap::new() }
    }

    fn waiters(&mut self, client: ClientId) -> &mut Waiters<Sleeper> {
        self.waiters.entry(client).or_default()
    }

    /// Gives the events to the threads that wait for them, in the order in which they happened.
    pub(super) fn take_events(&mut self) {
        let mut woken = Woken::default();
        for client in 0..self.world.clients.len() {
            while let Some((_, event)) = self.world.poll_event(client) {
                self.waiters(client).deliver(event, &mut woken);
            }
        }
        woken.wakers.into_iter().for_each(Waker::wake);
    }
}

/// Locks a shared world; a panic of a thread that held it does not end it for the others.
pub(super) fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets one thing happen in a shared world; handlers run without its lock, so that they may call others in it.
pub(super) fn advance(shared: &Mutex<Shared>, until: Time) -> bool {
    let stepped = {
        let mut held = lock(shared);
        let stepped = held.world.step(until);
        held.take_events();
        stepped
    };
    run_jobs(shared) || stepped
}

/// Enters the handlers that are to be entered.
fn run_jobs(shared: &Mutex<Shared>) -> bool {
    let mut ran = false;
    loop {
        let notice = lock(shared).world.poll_notice();
        if let Some(notice) = notice {
            notice();
            ran = true;
            continue;
        }
        let Some(job) = lock(shared).world.poll_job() else { return ran };
        let done = job.run();
        let mut held = lock(shared);
        held.world.job_done(done);
        held.take_events();
        ran = true;
    }
}

/// The channel of one client.
pub(super) struct SimChannel {
    pub(super) shared: Arc<Mutex<Shared>>,
    pub(super) client: ClientId,
}

impl fmt::Debug for SimChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimChannel(client {})", self.client)
    }
}

impl SimChannel {
    /// Takes a finished call's outcome. What may still be resolved is kept.
    fn take(&self, ticket: Ticket) -> Option<Outcome> {
        lock(&self.shared).waiters(self.client).take(ticket)
    }

    /// Moves the world until `look` finds something, at most until `until`.
    fn drive<T>(&self, until: Time, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        loop {
            if let Some(found) = look() {
                return Some(found);
            }
            if lock(&self.shared).world.now() >= until || !advance(&self.shared, until) {
                return look();
            }
        }
    }

    fn until(&self, limit: Option<Duration>) -> Time {
        limit.map_or(Time::NEVER, |limit| lock(&self.shared).world.now().plus(limit))
    }
}

impl Channel for SimChannel {
    fn start(&self, request: Request) -> Result<Ticket, Outcome> {
        let mut held = lock(&self.shared);
        let ticket = held.waiters(self.client).register();
        if let Err(outcome) = held.world.start(self.client, ticket.0, request) {
            let _ = held.waiters(self.client).remove(ticket); // no waker was left yet
            return Err(outcome);
        }
        held.take_events();
        Ok(ticket)
    }

    fn wait(&self, ticket: Ticket, limit: Option<Duration>) -> Option<Outcome> {
        self.drive(self.until(limit), || self.take(ticket))
    }

    /// Lets one thing happen if the outcome is not there, and has the waker woken at once: so a future makes progress
    /// under any executor, and a loop that looks again and again ends.
    fn poll(&self, ticket: Ticket, waker: &Waker) -> Option<Outcome> {
        if let Some(outcome) = self.take(ticket) {
            return Some(outcome);
        }
        let replaced = lock(&self.shared).waiters(self.client).set_waker(ticket, waker);
        drop(replaced); // user code: not under the lock
        advance(&self.shared, Time::NEVER);
        let waits = lock(&self.shared).waiters(self.client).take_waker(ticket);
        if let Some(waker) = waits {
            waker.wake();
        }
        None
    }

    fn abandon(&self, ticket: Ticket) {
        let mut held = lock(&self.shared);
        let left = held.waiters(self.client).remove(ticket);
        held.world.abandon(self.client, ticket.0);
        held.take_events();
        drop(held);
        drop(left); // user code: not under the lock
    }

    fn resolve(&self, ticket: Ticket, limit: Duration) -> Option<Outcome> {
        let resolution = || lock(&self.shared).waiters(self.client).resolution(ticket);
        self.drive(self.until(Some(limit)), resolution)
    }

    fn forget(&self, ticket: Ticket) {
        let mut held = lock(&self.shared);
        let left = held.waiters(self.client).remove(ticket);
        held.world.forget(self.client, ticket.0);
        drop(held);
        drop(left); // user code: not under the lock
    }

    fn advance(&self) -> bool {
        advance(&self.shared, Time::NEVER);
        true
    }

    fn call(&self, request: Request) -> (Outcome, Option<Ticket>) {
        match self.start(request) {
            Err(outcome) => (outcome, None),
            Ok(ticket) => match self.wait(ticket, None) {
                Some(outcome) => {
                    let open = outcome.may_be_resolved();
                    (outcome, open.then_some(ticket))
                }
                None => (Outcome::Unknown(UnknownCause::Closed), None), // a world in which nothing happens any more
            },
        }
    }

    fn table(&self, service: &str) -> Option<Arc<Table>> {
        lock(&self.shared).world.client(self.client)?.table(service)
    }

    fn peer(&self) -> Arc<str> {
        "the simulated server".into()
    }

    fn outage(&self) -> Option<Outage> {
        let held = lock(&self.shared);
        held.world.client(self.client)?.outage(held.world.client_time(self.client))
    }

    fn incarnation(&self) -> Option<Incarnation> {
        lock(&self.shared).world.client(self.client)?.incarnation()
    }

    fn now(&self) -> Time {
        lock(&self.shared).world.now()
    }

    fn counters(&self) -> ClientCounters {
        let held = lock(&self.shared);
        held.world.client(self.client).map(|core| core.counters()).unwrap_or_default()
    }

    fn close(&self) {
        let mut held = lock(&self.shared);
        held.world.close_client(self.client);
        held.take_events();
    }
}
