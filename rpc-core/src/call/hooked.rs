//! Layer 3: a call of a client with hooks, and its channel, which passes all on and tells the hooks the verdict.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::around::{AnyBegun, ClientHook, Hooks, OutgoingCall};
use super::channel::{Channel, Ticket};
use super::error::CallError;
use super::handle::Caller;
use super::pending::Pending;
use super::reply::{Received, read};
use super::verdict::Verdict;
use super::{ClientCounters, Outage};
use crate::contract::Method;
use crate::ids::{Incarnation, Time};
use crate::log;
use crate::panics::contain;
use crate::proto::{Outcome, Request};
use crate::wire::message::Table;
use crate::wire::metadata::Metadata;

impl Caller {
    /// Does as [`Caller::call`], with the hooks around it.
    #[cold] // so that calls without a hook do not pay for it
    pub(super) fn call_around<T: Received, E: DeserializeOwned + 'static>(
        &self,
        method: &'static Method,
        arguments: &impl Serialize,
    ) -> Result<T::Value, CallError<E>> {
        let (channel, request) = self.begin(method, arguments);
        let (outcome, open) = match request {
            Ok(request) => channel.call(request),
            Err(outcome) => (outcome, None),
        };
        read::<T, E>(outcome, method, &channel, open, self.bounds.nesting)
    }

    /// Does as [`Caller::start`], with the hooks around it.
    #[cold]
    pub(super) fn start_around<T: Received, E: DeserializeOwned + 'static>(
        &self,
        method: &'static Method,
        arguments: &impl Serialize,
    ) -> Pending<T::Value, E> {
        let (channel, request) = self.begin(method, arguments);
        let started = request.and_then(|request| channel.start(request));
        Pending::new(started, method, channel, (read::<T, E>, self.bounds.nesting))
    }

    /// Asks the hooks for a call, and encodes it. Returns the channel of this one call, which tells them its verdict.
    fn begin(
        &self,
        method: &'static Method,
        arguments: &impl Serialize,
    ) -> (Arc<dyn Channel>, Result<Request, Outcome>) {
        let Some(hooks) = &self.hooks else {
            return (Arc::clone(&self.channel), self.request(method, arguments));
        };
        let mut hooked = hooks.begin(self.outgoing(method));
        let request = match hooked.take_refusal() {
            Some(refusal) => Err(refusal),
            None => {
                let mut caller = self.clone();
                caller.metadata = hooked.metadata();
                caller.request(method, arguments)
            }
        };
        if let Err(outcome) = &request {
            hooked.tell(outcome);
        }
        (Arc::new(hooked), request)
    }

    /// Returns a call as its hooks see it.
    pub(super) fn outgoing(&self, method: &'static Method) -> OutgoingCall {
        OutgoingCall::new(method, self.deadline_of(method), self.metadata.as_ref(), &self.channel)
    }

    /// Returns a caller with a hook around each of its calls, and around the hooks that they have already.
    pub(super) fn around(&self, hook: impl ClientHook) -> Caller {
        let mut caller = self.clone();
        caller.hooks = Some(Hooks::with(hook, self.hooks.as_ref()));
        caller
    }
}

/// The channel of one call. If it is dropped before a verdict was taken, the caller has cancelled the call.
pub(super) struct HookedChannel {
    /// The call.
    call: OutgoingCall,
    /// The hooks that have let it through and were not told its verdict yet, with their states; the innermost is last. No user
    /// code runs under the lock.
    begun: Mutex<Vec<Box<dyn AnyBegun>>>,
    /// The refusal of the hook that came after them.
    refused: Option<Outcome>,
}

impl HookedChannel {
    pub(super) fn new(call: OutgoingCall, begun: Vec<Box<dyn AnyBegun>>, refused: Option<Outcome>) -> Self {
        HookedChannel { call, begun: Mutex::new(begun), refused }
    }

    /// Returns the refusal of a hook, once.
    pub(super) fn take_refusal(&mut self) -> Option<Outcome> {
        self.refused.take()
    }

    /// Returns the metadata that the hooks have left.
    pub(super) fn metadata(&self) -> Option<Arc<Metadata>> {
        self.call.own_metadata()
    }

    /// Tells the hooks the outcome of the call.
    pub(super) fn tell(&self, outcome: &Outcome) {
        self.tell_verdict(Verdict::of(outcome));
    }

    /// Tells the hooks that were not told yet, the innermost first.
    fn tell_verdict(&self, verdict: Verdict) {
        let begun = std::mem::take(&mut *self.begun.lock().unwrap_or_else(PoisonError::into_inner));
        for state in begun.into_iter().rev() {
            if contain(|| state.after(&self.call, verdict)).is_none() {
                log::error!(method = self.call.method().name, "the code after a call of a client panicked");
            }
        }
    }

    /// Returns the channel of the client.
    fn inner(&self) -> &dyn Channel {
        &**self.call.channel()
    }
}

impl Channel for HookedChannel {
    fn start(&self, request: Request) -> Result<Ticket, Outcome> {
        self.inner().start(request).inspect_err(|outcome| self.tell(outcome))
    }

    fn wait(&self, ticket: Ticket, limit: Option<Duration>) -> Option<Outcome> {
        self.inner().wait(ticket, limit).inspect(|outcome| self.tell(outcome))
    }

    fn poll(&self, ticket: Ticket, waker: &Waker) -> Option<Outcome> {
        self.inner().poll(ticket, waker).inspect(|outcome| self.tell(outcome))
    }

    fn abandon(&self, ticket: Ticket) {
        self.inner().abandon(ticket);
        self.tell_verdict(Verdict::Cancelled);
    }

    fn resolve(&self, ticket: Ticket, limit: Duration) -> Option<Outcome> {
        self.inner().resolve(ticket, limit)
    }

    fn forget(&self, ticket: Ticket) {
        self.inner().forget(ticket);
    }

    fn advance(&self) -> bool {
        self.inner().advance()
    }

    fn call(&self, request: Request) -> (Outcome, Option<Ticket>) {
        let (outcome, open) = self.inner().call(request);
        self.tell(&outcome);
        (outcome, open)
    }

    fn table(&self, service: &str) -> Option<Arc<Table>> {
        self.inner().table(service)
    }

    fn peer(&self) -> Arc<str> {
        self.inner().peer()
    }

    fn outage(&self) -> Option<Outage> {
        self.inner().outage()
    }

    fn incarnation(&self) -> Option<Incarnation> {
        self.inner().incarnation()
    }

    fn now(&self) -> Time {
        self.inner().now()
    }

    fn counters(&self) -> ClientCounters {
        self.inner().counters()
    }

    fn close(&self) {
        self.inner().close();
    }
}

impl Drop for HookedChannel {
    fn drop(&mut self) {
        self.tell_verdict(Verdict::Cancelled);
    }
}

impl fmt::Debug for HookedChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookedChannel({:?} of {:?})", self.call, self.call.channel())
    }
}
