//! Layer 4: the TCP channel: how a call enters the client's core, and how its outcome leaves it.
//!
//! Every method locks the state, does its step, and unlocks it before it sends the wakeups. A method that waits does so in
//! [`ClientInner::wait_until`], where it drives or sleeps.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::background;
use super::inner::ClientInner;
use super::state::{ClientState, Driving, PendingWakeups};
use crate::call::{Channel, ClientCounters, Ticket};
use crate::ids::Clock;
use crate::panics::contain;
use crate::proto::{Outcome, Request, UnknownCause};
use crate::wire::message::Table;

/// The channel that stubs hold. The session ends when the last stub is dropped.
#[derive(Debug)]
pub(super) struct TcpChannel {
    /// The client that carries the calls.
    pub(super) inner: Arc<ClientInner>,
}

impl Channel for TcpChannel {
    fn start(&self, request: Request) -> Result<Ticket, Outcome> {
        let inner = &self.inner;
        let mut state = inner.lock();
        // If nothing else is under way, no thread drives, and none will until the caller waits: the call is sent now.
        // Otherwise the thread that drives next sends it in one write with others.
        let quiet = !state.core.owes();
        let ticket = inner.begin(&mut state, request)?;
        let mut wakeups = PendingWakeups::default();
        if quiet || !matches!(state.driving, Driving::Idle(_)) {
            inner.send_now(&mut state, &mut wakeups);
        }
        inner.finish(state, wakeups);
        Ok(ticket)
    }

    fn wait(&self, ticket: Ticket, limit: Option<Duration>) -> Option<Outcome> {
        let until = self.inner.limit(limit);
        let mut state = self.inner.lock();
        if let Some(outcome) = state.waiters.take(ticket) {
            return Some(outcome); // delivered already, so the driver does not matter
        }
        let mut wakeups = PendingWakeups::default();
        let mut state = self.inner.wait_until(
            state,
            ticket,
            until,
            &|state| state.waiters.has_outcome(ticket),
            &mut wakeups,
        );
        let outcome = state.waiters.take(ticket);
        drop(state);
        wakeups.send();
        outcome
    }

    fn poll(&self, ticket: Ticket, waker: &Waker) -> Option<Outcome> {
        let mut state = self.inner.lock();
        if let Some(outcome) = state.waiters.take(ticket) {
            return Some(outcome);
        }
        let replaced = state.waiters.set_waker(ticket, waker);
        // A future cannot drive. Once the background worker was asked to, further polls need not ask again.
        if !state.urgent {
            let idle = matches!(state.driving, Driving::Idle(_));
            state.urgent = !idle || background::watch(self.inner.me(), true);
        }
        drop(state);
        drop(replaced); // runs user code, which must not happen under the lock
        None
    }

    fn abandon(&self, ticket: Ticket) {
        let mut state = self.inner.lock();
        let now = self.inner.clock.now();
        state.core.abandon(ticket.0, now);
        if let Some(draining) = &mut state.draining_session {
            draining.abandon(ticket.0, now); // the call may be orphaned there: its reply must not reach the next call with this ticket
        }
        let left = state.waiters.remove(ticket);
        // A CANCEL may have to be sent, and no thread of this call waits for it.
        if state.core.wants_transmit() {
            self.inner.wake_driver(&mut state);
        }
        self.inner.finish(state, PendingWakeups::default());
        contain(|| drop(left)); // runs user code; this is called by destructors
    }

    fn resolve(&self, ticket: Ticket, limit: Duration) -> Option<Outcome> {
        let until = self.inner.limit(Some(limit));
        let state = self.inner.lock();
        let mut wakeups = PendingWakeups::default();
        let resolved = |state: &ClientState| state.waiters.resolution(ticket).is_some();
        let state = self.inner.wait_until(state, ticket, until, &resolved, &mut wakeups);
        let outcome = state.waiters.resolution(ticket);
        drop(state);
        wakeups.send();
        outcome
    }

    fn forget(&self, ticket: Ticket) {
        let mut state = self.inner.lock();
        // The call may be in either session: the one that does not know the ticket does nothing.
        state.core.forget(ticket.0);
        if let Some(draining) = &mut state.draining_session {
            draining.forget(ticket.0);
        }
        let left = state.waiters.remove(ticket);
        drop(state);
        contain(|| drop(left)); // runs user code; this is called by destructors
    }

    fn call(&self, request: Request) -> (Outcome, Option<Ticket>) {
        let mut state = self.inner.lock();
        let ticket = match self.inner.begin(&mut state, request) {
            Ok(ticket) => ticket,
            Err(outcome) => return (outcome, None),
        };
        let mut wakeups = PendingWakeups::default();
        let mut state = self.inner.wait_until(
            state,
            ticket,
            None,
            &|state| state.waiters.has_outcome(ticket),
            &mut wakeups,
        );
        let outcome = state.waiters.take(ticket).unwrap_or(Outcome::Unknown(UnknownCause::Closed)); // `wait_until` returned, so it is there
        drop(state);
        wakeups.send();
        // Only this outcome can be resolved later, so only then the waiter and the ticket stay.
        let open = (outcome == Outcome::Unknown(UnknownCause::Deadline)).then_some(ticket);
        (outcome, open)
    }

    fn table(&self, service: &str) -> Option<Arc<Table>> {
        self.inner.lock().core.table(service)
    }

    fn peer(&self) -> Arc<str> {
        self.inner.peer()
    }

    fn counters(&self) -> ClientCounters {
        let state = self.inner.lock();
        let mut counters = state.core.counters();
        counters.orphaned_slots +=
            state.draining_session.as_ref().map_or(0, |draining| draining.orphaned_slots()) as u64;
        counters
    }

    fn close(&self) {
        let now = self.inner.clock.now();
        let mut state = self.inner.lock();
        self.inner.detect_fork(&mut state);
        state.core.close(now);
        if let Some(draining) = &mut state.draining_session {
            draining.close(now);
        }
        // If the background worker drives, it alone has the socket and can send the BYE. Otherwise this thread sends it, or
        // the caller that drives does at the end of its turn.
        let background = matches!(state.driving, Driving::Background);
        if background || state.draining_session.is_some() {
            background::close(Arc::clone(&self.inner));
        }
        let mut wakeups = PendingWakeups::default();
        if !background {
            self.inner.send_now(&mut state, &mut wakeups); // sends BYE, unless another thread drives
            self.inner.send_now(&mut state, &mut wakeups); // closes the socket
        }
        self.inner.finish(state, wakeups);
    }
}

/// Never panics: a destructor of a thread-local value, or one that runs while a thread unwinds, would abort the process.
impl Drop for TcpChannel {
    fn drop(&mut self) {
        contain(|| self.close());
    }
}
