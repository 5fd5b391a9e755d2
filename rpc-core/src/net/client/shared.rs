//! Floor 4: a client's TCP channel: calls in, verdicts out, whoever drives.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use super::background;
use super::state::{Driving, State, Wakes};
use crate::call::{Channel, ChannelStats, Ticket};
use crate::ids::{Clock, Time};
use crate::limits::ClientLimits;
use crate::net::MonotonicClock;
use crate::net::os;
use crate::net::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use crate::net::sync::{Mutex, MutexGuard, PoisonError};
use crate::proto::client::{ClientConfig, ClientCore};
use crate::proto::{Doubt, Outcome, Request};
use crate::wire::message::Table;

/// What all threads that use a client share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) clock: MonotonicClock,
    pub(super) peer: Arc<str>,
    addresses: Vec<SocketAddr>, // at least one: Connector sees to it
    next_address: AtomicUsize,
    config: ClientConfig,
    process: AtomicU32,
    me: Weak<Shared>,
}

impl Shared {
    pub(super) fn new(
        state: State,
        clock: MonotonicClock,
        peer: Arc<str>,
        addresses: Vec<SocketAddr>,
        config: ClientConfig,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Shared {
            state: Mutex::new(state),
            clock,
            peer,
            addresses,
            next_address: AtomicUsize::new(0),
            config,
            process: AtomicU32::new(os::process_id()),
            me: Weak::clone(me),
        })
    }

    /// The state. A panic under the lock is a defect of ours; the next one goes on with what there is.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn me(&self) -> Weak<Shared> {
        Weak::clone(&self.me)
    }

    /// The server's addresses in turn.
    pub(super) fn next_address(&self) -> SocketAddr {
        let turn = self.next_address.fetch_add(1, Ordering::Relaxed);
        let fallback = SocketAddr::from(([127, 0, 0, 1], 0)); // never used: there is at least one
        self.addresses.get(turn % self.addresses.len().max(1)).copied().unwrap_or(fallback)
    }

    /// How many addresses there are to try.
    pub(super) fn address_count(&self) -> usize {
        self.addresses.len()
    }

    pub(super) fn limits(&self) -> &ClientLimits {
        &self.config.limits
    }

    pub(super) fn fresh_core(&self) -> ClientCore {
        ClientCore::new(ClientConfig { seed: self.clock.now().0 ^ self.config.seed, ..self.config.clone() })
    }

    pub(super) fn is_forked(&self) -> bool {
        self.process.load(Ordering::Relaxed) != os::process_id()
    }

    /// This process has a driver of its own.
    pub(super) fn settle_here(&self) {
        self.process.store(os::process_id(), Ordering::Relaxed);
    }

    /// Lets a test see what a forked child would.
    #[cfg(test)]
    pub(super) fn pretend_fork(&self) {
        self.process.store(0, Ordering::Relaxed);
    }

    /// Starts a call and leaves a place for its answer.
    fn begin(&self, state: &mut State, request: Request) -> Result<Ticket, Outcome> {
        let ticket = state.waiters.expect();
        let started = state.core.start(ticket.0, request, self.clock.now());
        if started.is_err() {
            let _ = state.waiters.remove(ticket); // nobody has left a waker yet
        }
        started.map(|()| ticket)
    }

    /// Hands out what has come, passes the role on, and wakes whom it concerns.
    fn finish(&self, mut state: MutexGuard<'_, State>, mut wakes: Wakes) {
        if state.deliver(&mut wakes) {
            self.wake_driver(&mut state); // one of the verdicts may be its own
        }
        self.leave(&mut state, &mut wakes);
        drop(state);
        wakes.send();
    }

    fn limit(&self, limit: Option<Duration>) -> Option<Time> {
        limit.map(|limit| self.clock.now().plus(limit))
    }
}

/// What stubs hold. When the last one goes, the session ends.
#[derive(Debug)]
pub(super) struct TcpChannel {
    pub(super) shared: Arc<Shared>,
}

impl Channel for TcpChannel {
    fn start(&self, request: Request) -> Result<Ticket, Outcome> {
        let shared = &self.shared;
        let mut state = shared.lock();
        let quiet = !state.core.owes();
        let ticket = shared.begin(&mut state, request)?;
        let mut wakes = Wakes::default();
        if quiet || !matches!(state.driving, Driving::Nobody(_)) {
            shared.send_now(&mut state, &mut wakes);
        }
        shared.finish(state, wakes);
        Ok(ticket)
    }

    fn wait(&self, ticket: Ticket, limit: Option<Duration>) -> Option<Outcome> {
        let until = self.shared.limit(limit);
        let mut state = self.shared.lock();
        if let Some(outcome) = state.waiters.take(ticket) {
            return Some(outcome); // it is here: no need to look who drives, since nothing is put down
        }
        let mut wakes = Wakes::default();
        let mut state =
            self.shared.attend(state, ticket, until, &|state| state.waiters.has_outcome(ticket), &mut wakes);
        let outcome = state.waiters.take(ticket);
        drop(state);
        wakes.send();
        outcome
    }

    fn poll(&self, ticket: Ticket, waker: &Waker) -> Option<Outcome> {
        let mut state = self.shared.lock();
        if let Some(outcome) = state.waiters.take(ticket) {
            return Some(outcome);
        }
        let replaced = state.waiters.set_waker(ticket, waker);
        if !state.urgent {
            let idle = matches!(state.driving, Driving::Nobody(_));
            state.urgent = !idle || background::look_after(self.shared.me(), true);
        }
        drop(state);
        drop(replaced); // user code: not under the lock
        None
    }

    fn abandon(&self, ticket: Ticket) {
        let mut state = self.shared.lock();
        let now = self.shared.clock.now();
        state.core.abandon(ticket.0, now);
        if let Some(retired) = &mut state.retired {
            retired.abandon(ticket.0, now); // its deadline passed there: the answer must not meet the ticket's next owner
        }
        let left = state.waiters.remove(ticket);
        if state.core.wants_transmit() {
            self.shared.wake_driver(&mut state);
        }
        self.shared.finish(state, Wakes::default());
        drop(left);
    }

    fn resolve(&self, ticket: Ticket, limit: Duration) -> Option<Outcome> {
        let until = self.shared.limit(Some(limit));
        let state = self.shared.lock();
        let mut wakes = Wakes::default();
        let resolved = |state: &State| state.waiters.resolution(ticket).is_some();
        let state = self.shared.attend(state, ticket, until, &resolved, &mut wakes);
        let outcome = state.waiters.resolution(ticket);
        drop(state);
        wakes.send();
        outcome
    }

    fn forget(&self, ticket: Ticket) {
        let mut state = self.shared.lock();
        state.core.forget(ticket.0);
        if let Some(retired) = &mut state.retired {
            retired.forget(ticket.0);
        }
        let left = state.waiters.remove(ticket);
        drop(state);
        drop(left);
    }

    fn call(&self, request: Request) -> (Outcome, Option<Ticket>) {
        let mut state = self.shared.lock();
        let ticket = match self.shared.begin(&mut state, request) {
            Ok(ticket) => ticket,
            Err(outcome) => return (outcome, None),
        };
        let mut wakes = Wakes::default();
        let mut state =
            self.shared.attend(state, ticket, None, &|state| state.waiters.has_outcome(ticket), &mut wakes);
        let outcome = state.waiters.take(ticket).unwrap_or(Outcome::Unknown(Doubt::Closed)); // attend has seen it
        drop(state);
        wakes.send();
        let open = (outcome == Outcome::Unknown(Doubt::Deadline)).then_some(ticket);
        (outcome, open)
    }

    fn table(&self, service: &str) -> Option<Arc<Table>> {
        self.shared.lock().core.table(service)
    }

    fn peer(&self) -> Arc<str> {
        Arc::clone(&self.shared.peer)
    }

    fn stats(&self) -> ChannelStats {
        let state = self.shared.lock();
        let mut stats = ChannelStats::from(&state.core);
        stats.dirty_slots += state.retired.as_ref().map_or(0, |retired| retired.dirty_slots()) as u64;
        stats
    }

    fn close(&self) {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        self.shared.notice_fork(&mut state);
        state.core.close(now);
        if let Some(retired) = &mut state.retired {
            retired.close(now);
        }
        let background = matches!(state.driving, Driving::Background);
        if background || state.retired.is_some() {
            background::finish(Arc::clone(&self.shared));
        }
        let mut wakes = Wakes::default();
        if !background {
            self.shared.send_now(&mut state, &mut wakes); // BYE, if nobody else is at it
            self.shared.send_now(&mut state, &mut wakes); // and the socket is closed
        }
        self.shared.finish(state, wakes);
    }
}

impl Drop for TcpChannel {
    fn drop(&mut self) {
        self.close();
    }
}
