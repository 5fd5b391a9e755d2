//! Layer 2: the parts that a client's protocol is made with, and what it reports.

use super::Tag;
use crate::contract::Contract;
use crate::limits::ClientLimits;
use crate::proto::Outcome;

/// The failure of a client that a server has answered with BUSY.
pub const TAKES_NO_CLIENT: &str = "the server takes no new clients now: it is full, or shutting down";

/// The parts that a client's protocol is made with.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The bounds and times.
    pub limits: ClientLimits,
    /// The services that the client's stubs were built for.
    pub contracts: Vec<&'static Contract>,
    /// The feature bits to ask for.
    pub features: u32,
    /// The seed of the random pauses.
    pub seed: u64,
}

/// News about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The call has its verdict. An [`Event::Resolved`] may follow if [`Outcome::may_be_resolved`] says so.
    Finished(Tag, Outcome),
    /// A call that was unknown has its reply.
    Resolved(Tag, Outcome),
}

/// Counts since the client began, and a gauge of the present (marked 'now').
///
/// ```
/// use rpc_core::{Client, ClientCounters, Handle};
///
/// /// Shows how good the network is.
/// fn report<C: Client>(call: &Handle<C>) {
///     let ClientCounters { calls, resent, connections, .. } = call.counters();
///     println!("{calls} calls, {resent} sent again, {connections} connections");
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCounters {
    /// Calls started.
    pub calls: u64,
    /// Retransmissions of calls that were queued to be sent.
    pub resent: u64,
    /// Connections that were established, the first included.
    pub connections: u64,
    /// Sessions opened, the first included.
    pub sessions: u64,
    /// Replies to calls that had ended before.
    pub stray_replies: u64,
    /// Calls repeated because their method is idempotent.
    pub repeated: u64,
    /// Calls tried again because the server refused them as busy or draining.
    pub busy_retries: u64,
    /// Violations of the protocol by the server.
    pub broken_server: u64,
    /// Now: slots whose last call has no reply yet although its caller no longer waits.
    pub orphaned_slots: u64,
}

impl ClientCounters {
    /// Returns the counters of a session that has ended, without the gauge: its slots are gone with it.
    pub fn of_ended_session(self) -> ClientCounters {
        ClientCounters { orphaned_slots: 0, ..self }
    }

    /// Returns the sum of two sessions' counters.
    pub fn plus(self, other: ClientCounters) -> ClientCounters {
        ClientCounters {
            calls: self.calls + other.calls,
            resent: self.resent + other.resent,
            connections: self.connections + other.connections,
            sessions: self.sessions + other.sessions,
            stray_replies: self.stray_replies + other.stray_replies,
            repeated: self.repeated + other.repeated,
            busy_retries: self.busy_retries + other.busy_retries,
            broken_server: self.broken_server + other.broken_server,
            orphaned_slots: self.orphaned_slots + other.orphaned_slots,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ClientCounters;

    /// Counters of which each has a value of its own, times `by`.
    fn counted(by: u64) -> ClientCounters {
        ClientCounters {
            calls: 2 * by,
            resent: 3 * by,
            connections: 4 * by,
            sessions: 5 * by,
            stray_replies: 6 * by,
            repeated: 7 * by,
            busy_retries: 8 * by,
            broken_server: 9 * by,
            orphaned_slots: 10 * by,
        }
    }

    #[test]
    fn each_counter_of_a_sum_is_the_sum_of_that_counter() {
        assert_eq!(counted(3).plus(counted(4)), counted(7));
    }
}
