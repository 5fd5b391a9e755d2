//! Layer 4: the TCP channel: how a call enters the client's core, and how its outcome leaves it.
//!
//! | method | sends | waits |
//! |---|---|---|
//! | `call` | this thread, while it waits | drives, or sleeps while another thread drives |
//! | `start` | this thread at once, if nothing else is under way; else the thread that drives next | - |
//! | `wait`, `resolve` | as `call`, if the call was not sent yet | as `call` |
//! | `poll` | the background worker, since a future cannot drive | the future's waker is woken |
//! | `abandon` | the thread that drives sends a CANCEL | - |
//! | `close` | this thread, or the thread that has the socket, sends BYE | - |
//!
//! Every method locks the state, does its step, and unlocks it before it sends the wakeups. A method that waits does so in
//! [`ClientInner::wait_until`].

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::background;
use super::inner::ClientInner;
use super::state::{ClientState, Driving, PendingWakeups};
use crate::call::{Channel, ClientCounters, Recovered, Ticket};
use crate::ids::{Clock, Incarnation, Time};
use crate::panics::contain;
use crate::proto::client::{ClientCore, Outage};
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
        // Otherwise the thread that drives next sends it in one write with others. While outcomes were not taken, the caller
        // is in the middle of a row of calls: it starts the next ones as it takes them.
        let quiet = !state.core.owes() && !state.waiters.has_untaken();
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
        // Delivered already by another thread, so the driver does not matter.
        if let Some(outcome) = state.waiters.take(ticket) {
            return Some(outcome);
        }
        let mut wakeups = PendingWakeups::default();
        let mut state = self.inner.wait_until(
            state,
            ticket,
            until,
            &|state| state.waiters.has_outcome(ticket),
            &mut wakeups,
        );
        let outcome = state.waiters.take(ticket).or_else(|| self.inner.of_parent());
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
        // Dropping a waker runs user code, which must not happen under the lock.
        drop(replaced);
        None
    }

    fn abandon(&self, ticket: Ticket) {
        let mut state = self.inner.lock();
        let now = self.inner.clock.now();
        state.core.abandon(ticket.0, now);
        state.left.abandon(ticket.0, now);
        let left = state.waiters.remove(ticket);
        // A CANCEL may have to be sent, and no thread of this call waits for it.
        if state.core.wants_transmit() {
            self.inner.wake_driver(&mut state);
        }
        self.inner.finish(state, PendingWakeups::default());
        // The waker of the call, outside the lock for the same reason. This is called by destructors, which must not panic.
        contain(|| drop(left));
    }

    fn resolve(&self, ticket: Ticket, limit: Duration) -> Option<Outcome> {
        let until = self.inner.limit(Some(limit));
        // Several threads may resolve one call, so the outcome is read and not taken.
        let state = self.inner.lock();
        let mut wakeups = PendingWakeups::default();
        let resolved = |state: &ClientState| state.waiters.resolution(ticket).is_some();
        let state = self.inner.wait_until(state, ticket, until, &resolved, &mut wakeups);
        let outcome = state.waiters.resolution(ticket).or_else(|| self.inner.of_parent());
        drop(state);
        wakeups.send();
        outcome
    }

    fn forget(&self, ticket: Ticket) {
        let mut state = self.inner.lock();
        state.core.forget(ticket.0);
        state.left.forget(ticket.0);
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
        // `wait_until` has no limit here, so it returned because the outcome is there, or this process is a child.
        let outcome = state.waiters.take(ticket).or_else(|| self.inner.of_parent());
        let outcome = outcome.unwrap_or(Outcome::Unknown(UnknownCause::Closed));
        drop(state);
        wakeups.send();
        // Only this outcome can be resolved later, so only then the waiter and the ticket stay.
        let open = outcome.may_be_resolved().then_some(ticket);
        (outcome, open)
    }

    fn table(&self, service: &str) -> Option<Arc<Table>> {
        self.inner.lock().core.table(service)
    }

    fn peer(&self) -> Arc<str> {
        self.inner.peer()
    }

    fn outage(&self) -> Option<Outage> {
        let now = self.inner.clock.now();
        self.inner.lock().core.outage(now)
    }

    fn incarnation(&self) -> Option<Incarnation> {
        self.inner.lock().core.incarnation()
    }

    fn now(&self) -> Time {
        self.inner.clock.now()
    }

    fn counters(&self) -> ClientCounters {
        self.inner.lock().counters()
    }

    fn recovered(&self) -> Vec<Recovered> {
        std::mem::take(&mut self.inner.lock().recovered)
    }

    fn close(&self) {
        self.end(ClientCore::close);
    }
}

impl TcpChannel {
    /// Ends the client: its session as well, or not.
    fn end(&self, how: fn(&mut ClientCore, Time)) {
        let now = self.inner.clock.now();
        let mut state = self.inner.lock();
        how(&mut state.core, now);
        state.left.close(now);
        // If the background worker drives, it alone has the socket and can send the BYE. Otherwise this thread sends it, or
        // the caller that drives does at the end of its turn.
        let background = matches!(state.driving, Driving::Background);
        if background || state.left.is_draining() {
            background::close(Arc::clone(&self.inner));
        }
        let mut wakeups = PendingWakeups::default();
        if !background {
            self.inner.send_now(&mut state, &mut wakeups); // sends BYE and closes the socket, unless another thread drives
        }
        self.inner.finish(state, wakeups);
    }
}

/// Never panics: a destructor of a thread-local value, or one that runs while a thread unwinds, would abort the process.
impl Drop for TcpChannel {
    fn drop(&mut self) {
        contain(|| self.end(ClientCore::leave));
    }
}
