//! Layer 3: the interface between stubs and what carries their calls: a TCP connection, or the simulator.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::recovered::Recovered;
use crate::ids::{Incarnation, Time};
use crate::proto::client::{ClientCounters, Outage};
use crate::proto::{Outcome, Request};
use crate::wire::message::Table;

/// Names a started call within its channel, until its outcome is taken or the call is abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// Carries calls. Every started call ends by its deadline with an [`Outcome`], or is abandoned.
pub trait Channel: Send + Sync + fmt::Debug {
    /// Starts a call. It is sent at once if a slot is free and no other thread is using the connection.
    ///
    /// # Errors
    /// Returns the outcome if it is known without sending anything.
    fn start(&self, request: Request) -> Result<Ticket, Outcome>;

    /// Waits for a started call to finish, for at most `limit` (if `None`, until its deadline). Returns `None` if it has
    /// not finished.
    fn wait(&self, ticket: Ticket, limit: Option<Duration>) -> Option<Outcome>;

    /// Returns the outcome if the call has finished. If not, `waker` is woken when it has, and another thread drives the
    /// connection until then.
    fn poll(&self, ticket: Ticket, waker: &Waker) -> Option<Outcome>;

    /// Cancels a started call and drops its outcome.
    fn abandon(&self, ticket: Ticket);

    /// Waits for at most `limit` for the outcome of a call whose [`Outcome`] may be resolved. Returns `None`
    /// if it is not known yet.
    fn resolve(&self, ticket: Ticket, limit: Duration) -> Option<Outcome>;

    /// Drops what is kept to resolve an unknown call.
    fn forget(&self, ticket: Ticket);

    /// Advances virtual time by one event and returns true, if the channel is simulated. Returns false if a waiting
    /// thread may sleep until it is woken.
    fn advance(&self) -> bool {
        false
    }

    /// Starts a call, waits for it, and takes its outcome. The ticket is `Some` if the call can be resolved later.
    fn call(&self, request: Request) -> (Outcome, Option<Ticket>);

    /// Returns the server's methods of a service that was announced and whose contract differs. Returns `None` if there is
    /// no session, if the contracts are equal, or if this channel has no tables.
    fn table(&self, _service: &str) -> Option<Arc<Table>> {
        None
    }

    /// Returns the server's address, for messages.
    fn peer(&self) -> Arc<str>;

    /// Returns the present lack of a connection; `None` if there is one, or if this channel needs none.
    fn outage(&self) -> Option<Outage> {
        None
    }

    /// Returns the life of the server that opened the last session; `None` if this channel knows none.
    fn incarnation(&self) -> Option<Incarnation> {
        None
    }

    /// Returns the present time, for the code around calls. A channel without a clock returns one time always.
    fn now(&self) -> Time {
        Time::default()
    }

    /// Returns the client's counters.
    fn counters(&self) -> ClientCounters;

    /// Takes the calls of an earlier process. A channel without a journal has none.
    fn recovered(&self) -> Vec<Recovered> {
        Vec::new()
    }

    /// Ends the session: started calls end, and later ones are refused.
    fn close(&self);
}
