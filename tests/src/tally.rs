//! The cases that the runs have hit: one line for each row of the protocol's table, each verdict, each fault.

use std::collections::BTreeMap;

use rpc_core::proto::client::ClientCounters;
use rpc_core::proto::server::ServerCounters;
use rpc_sim::{ClientSeen, FaultsSeen, ServerSeen};

/// Counts by name; the names sort into groups.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The number of times.
    pub counts: BTreeMap<String, u64>,
}

impl Tally {
    /// Adds to a count.
    pub fn add(&mut self, name: &str, count: u64) {
        *self.counts.entry(name.to_owned()).or_default() += count;
    }

    /// A count.
    pub fn get(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Tally) {
        for (name, count) in &other.counts {
            self.add(name, *count);
        }
    }

    /// Adds what a server has counted.
    pub fn add_server(&mut self, c: ServerCounters) {
        let rows = [
            ("row CALL arrived", c.calls),
            ("row CALL < last: dropped", c.duplicates_stale),
            ("row CALL duplicate of queued or running", c.duplicates_under_way),
            ("row CALL duplicate of kept: replayed", c.duplicates_replayed),
            ("row CALL duplicate of not kept: reply lost", c.duplicates_not_kept),
            ("row CALL duplicate of refused: refused again", c.duplicates_refused),
            ("row CALL duplicate: no reply needed", c.duplicates_without_reply),
            ("row CALL refused before it ran", c.refused),
            ("row CANCEL arrived", c.cancels),
            ("row CANCEL < last: dropped", c.cancels_stale),
            ("row CANCEL of queued: refused", c.cancels_queued),
            ("row CANCEL of running: told", c.cancels_running),
            ("row CANCEL of final: replied again", c.cancels_final),
            ("row CANCEL before its CALL: recorded", c.cancels_first),
            ("row ACK of final: bytes freed", c.acks),
            ("row ACK of another: dropped", c.acks_unused),
            ("server executions", c.executions),
            ("server panics", c.panics),
            ("server results without session", c.results_without_session),
            ("server sessions opened", c.opened),
            ("server sessions resumed", c.resumed),
            ("server sessions expired", c.expired),
            ("server sessions lost", c.lost),
            ("server sessions turned away", c.turned_away),
            ("server sessions evicted", c.evicted),
            ("server connections stalled", c.stalled),
            ("server protocol errors", c.protocol_errors),
            ("server late HELLOs", c.late_hellos),
            ("server duplicates executed", c.duplicates_executed),
        ];
        for (name, count) in rows {
            self.add(name, count);
        }
    }

    /// Adds what a client has counted.
    pub fn add_client(&mut self, c: ClientCounters) {
        let rows = [
            ("client retransmissions", c.resent),
            ("client connections", c.connections),
            ("client sessions", c.sessions),
            ("client stray replies", c.stray_replies),
            ("client repeated", c.repeated),
            ("client busy retries", c.busy_retries),
            ("client broken server", c.broken_server),
        ];
        for (name, count) in rows {
            self.add(name, count);
        }
    }

    /// Adds what a world saw of its server.
    pub fn add_server_seen(&mut self, s: ServerSeen) {
        self.add("server connections handed over", s.handed_over);
        self.add("server writes that waited for a reader", s.blocked);
        self.add("server reads that waited for a reader", s.unread);
    }

    /// Adds what a world saw of a client.
    pub fn add_client_seen(&mut self, s: ClientSeen) {
        self.add("client second sessions", s.retired);
        self.add("client second sessions resolved", s.resolved);
        self.add("client attempts to connect", s.attempts);
    }

    /// Adds what the network did.
    pub fn add_faults(&mut self, f: FaultsSeen) {
        let rows = [
            ("fault none: forwarded", f.forwarded),
            ("fault dropped", f.dropped),
            ("fault duplicated", f.duplicated),
            ("fault reordered", f.reordered),
            ("fault corrupted", f.corrupted),
            ("fault delayed", f.delayed),
            ("fault cut", f.cut),
            ("fault refused", f.refused),
        ];
        for (name, count) in rows {
            self.add(name, count);
        }
    }

    /// Those of `names` that were never hit.
    pub fn missing<'a>(&self, names: &[&'a str]) -> Vec<&'a str> {
        names.iter().copied().filter(|name| self.get(name) == 0).collect()
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, count) in &self.counts {
            writeln!(f, "{count:>10}  {name}")?;
        }
        Ok(())
    }
}
