//! A client of a simulated network as stubs see it: whoever waits moves the world.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::world::{ClientId, World};
use crate::call::{Channel, ChannelStats, Ticket};
use crate::ids::Time;
use crate::proto::client::Event;
use crate::proto::{Doubt, Outcome, Request};
use crate::wire::message::Table;

/// What has become of a call.
#[derive(Debug, Default)]
struct Entry {
    outcome: Option<Outcome>,
    resolved: Option<Outcome>,
    waker: Option<Waker>,
}

/// A world and those who wait in it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) world: World,
    entries: HashMap<(ClientId, u64), Entry>,
    next: u64,
}

impl Shared {
    pub(super) fn new(world: World) -> Self {
        Shared { world, entries: HashMap::new(), next: 0 }
    }

    /// Hands what happened to those who wait for it, in the order in which it happened.
    fn take_events(&mut self) {
        for client in 0..self.world.clients.len() {
            while let Some((_, event)) = self.world.poll_event(client) {
                let (tag, outcome, resolved) = match event {
                    Event::Finished(tag, outcome) => (tag, outcome, false),
                    Event::Resolved(tag, outcome) => (tag, outcome, true),
                };
                let Some(entry) = self.entries.get_mut(&(client, tag)) else { continue };
                let place = if resolved { &mut entry.resolved } else { &mut entry.outcome };
                *place = Some(outcome);
                if let Some(waker) = entry.waker.take() {
                    waker.wake();
                }
            }
        }
    }
}

/// Locks a shared world; a panic of somebody who held it does not end it for the others.
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
        let mut held = lock(&self.shared);
        let key = (self.client, ticket.0);
        let outcome = held.entries.get_mut(&key)?.outcome.take()?;
        if outcome != Outcome::Unknown(Doubt::Deadline) {
            held.entries.remove(&key);
        }
        Some(outcome)
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
        held.next += 1;
        let tag = held.next;
        held.entries.insert((self.client, tag), Entry::default());
        if let Err(outcome) = held.world.start(self.client, tag, request) {
            held.entries.remove(&(self.client, tag));
            return Err(outcome);
        }
        held.take_events();
        Ok(Ticket(tag))
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
        let key = (self.client, ticket.0);
        if let Some(entry) = lock(&self.shared).entries.get_mut(&key) {
            entry.waker = Some(waker.clone());
        }
        advance(&self.shared, Time::NEVER);
        let waits = lock(&self.shared).entries.get_mut(&key).and_then(|entry| entry.waker.take());
        if let Some(waker) = waits {
            waker.wake();
        }
        None
    }

    fn abandon(&self, ticket: Ticket) {
        let mut held = lock(&self.shared);
        held.entries.remove(&(self.client, ticket.0));
        held.world.abandon(self.client, ticket.0);
        held.take_events();
    }

    fn resolve(&self, ticket: Ticket, limit: Duration) -> Option<Outcome> {
        let key = (self.client, ticket.0);
        self.drive(self.until(Some(limit)), || lock(&self.shared).entries.get(&key)?.resolved.clone())
    }

    fn forget(&self, ticket: Ticket) {
        let mut held = lock(&self.shared);
        held.entries.remove(&(self.client, ticket.0));
        held.world.forget(self.client, ticket.0);
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
                    let open = outcome == Outcome::Unknown(Doubt::Deadline);
                    (outcome, open.then_some(ticket))
                }
                None => (Outcome::Unknown(Doubt::Closed), None), // a world in which nothing happens any more
            },
        }
    }

    fn table(&self, service: &str) -> Option<Arc<Table>> {
        lock(&self.shared).world.client(self.client)?.table(service)
    }

    fn peer(&self) -> Arc<str> {
        "the simulated server".into()
    }

    fn stats(&self) -> ChannelStats {
        let held = lock(&self.shared);
        let Some(core) = held.world.client(self.client) else { return ChannelStats::default() };
        let counters = core.counters();
        ChannelStats {
            calls: counters.calls,
            resent: counters.resent,
            connections: counters.connections,
            sessions: counters.sessions,
            stray_replies: counters.stray_replies,
            dirty_slots: core.dirty_slots() as u64,
            repeated: counters.repeated,
            busy_retries: counters.busy_retries,
        }
    }

    fn close(&self) {
        let mut held = lock(&self.shared);
        held.world.close_client(self.client);
        held.take_events();
    }
}
