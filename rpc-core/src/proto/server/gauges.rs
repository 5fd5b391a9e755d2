//! Layer 2: the gauges of a server: its counters, with what is there at present.

use super::ServerCore;
use super::counters::ServerCounters;
use super::record::Record;

impl ServerCore {
    /// Returns the counters, and the gauges of the present.
    pub fn counters(&self) -> ServerCounters {
        let records = self.links.sessions.records();
        ServerCounters {
            sessions: self.links.sessions.len(),
            connections: self.links.connections.len(),
            records,
            record_bytes: records * size_of::<Record>(),
            call_bytes: self.calls.bytes(),
            kept_bytes: self.calls.kept_bytes(),
            queued: self.links.queue.calls,
            running: self.running,
            held: self.held.calls,
            ..self.counters
        }
    }
}
