//! Floor 3: the seam between stubs and what carries their calls: a TCP connection, or the simulator.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::proto::client::ClientCore;
use crate::proto::{Outcome, Request};
use crate::wire::message::Table;

/// Names a started call within its channel until it is finished and taken, or abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// What a client has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelStats {
    /// Calls started.
    pub calls: u64,
    /// Copies of calls sent again.
    pub resent: u64,
    /// Connections made, the first included.
    pub connections: u64,
    /// Sessions opened, the first included.
    pub sessions: u64,
    /// Replies that nobody waited for.
    pub stray_replies: u64,
    /// Slots whose last call has no answer yet although its caller has gone.
    pub dirty_slots: u64,
    /// Calls repeated by themselves because their method is idempotent.
    pub repeated: u64,
    /// Calls tried again by themselves because the server was busy.
    pub busy_retries: u64,
}

impl From<&ClientCore> for ChannelStats {
    fn from(core: &ClientCore) -> Self {
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
}

/// Carries calls. Every started call ends: in an [`Outcome`] by its deadline, or by being abandoned.
pub trait Channel: Send + Sync + fmt::Debug {
    /// Starts a call. It leaves at once if a slot is free and the connection is quiet.
    ///
    /// # Errors
    /// The outcome, when it is known without sending anything.
    fn start(&self, request: Request) -> Result<Ticket, Outcome>;

    /// Waits for a started call to finish, at most `limit` (`None`: its deadline bounds it). `None`: not yet.
    fn wait(&self, ticket: Ticket, limit: Option<Duration>) -> Option<Outcome>;

    /// The outcome if it is there; else `waker` is woken when it is, and somebody drives until then.
    fn poll(&self, ticket: Ticket, waker: &Waker) -> Option<Outcome>;

    /// Gives up a started call: it is cancelled, and its outcome dropped.
    fn abandon(&self, ticket: Ticket);

    /// After [`Outcome::Unknown`]`(Deadline)`: what became of the call, waiting at most `limit`. `None`: not yet.
    fn resolve(&self, ticket: Ticket, limit: Duration) -> Option<Outcome>;

    /// Ends interest in the answer to an unknown call.
    fn forget(&self, ticket: Ticket);

    /// Whether a waiter must advance the world itself by calling this again and again (the simulator), or may
    /// sleep until it is woken (`false`).
    fn advance(&self) -> bool {
        false
    }

    /// A whole call: start, wait, take. The ticket is there when the outcome is open and can be resolved.
    fn call(&self, request: Request) -> (Outcome, Option<Ticket>);

    /// The server's methods of a service that was announced and whose contract differs. `None`: no session stands, the
    /// contracts are the same, or this channel does not say.
    fn table(&self, _service: &str) -> Option<Arc<Table>> {
        None
    }

    /// Where the server is, for messages.
    fn peer(&self) -> Arc<str>;

    /// What the client has seen.
    fn stats(&self) -> ChannelStats;

    /// Ends the session: started calls get their verdicts, later ones are refused.
    fn close(&self);
}
