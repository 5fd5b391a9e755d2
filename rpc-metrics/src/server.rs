//! The counters of servers as metrics, read when a page is written.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rpc_core::{ServerCounters, ServerHandle};

/// The servers of a page. Clones are the same ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Servers(Arc<Mutex<Vec<ServerHandle>>>);

impl Servers {
    /// Adds a server.
    pub(crate) fn add(&self, server: ServerHandle) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(server); // each change is one step
    }

    /// Returns the servers. They are asked without the lock.
    fn list(&self) -> Vec<ServerHandle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A field of [`ServerCounters`]: the name of its metric, its help, and its value.
type Field<V> = (&'static str, &'static str, fn(&ServerCounters) -> V);

/// Makes the table of some fields.
macro_rules! fields {
    ($($field:ident, $help:literal;)+) => {
        &[$((concat!("rpc_server_", stringify!($field)), $help, |seen| seen.$field)),+]
    };
}

/// The counters. A test compares both tables with the fields of [`ServerCounters`].
const COUNTERS: &[Field<u64>] = fields! {
    calls, "CALL frames that arrived, duplicates included";
    executions, "Times that a user's function was entered or its stub refused after dispatch";
    duplicates_under_way, "Duplicates of calls that wait or run: nothing was done, the reply will follow";
    duplicates_replayed, "Duplicates that got the kept reply again";
    duplicates_not_kept, "Duplicates of calls whose reply was not kept: they got 'executed, reply lost'";
    duplicates_refused, "Duplicates of refused calls: refused again";
    duplicates_without_reply, "Duplicates that needed no reply: it is still unsent on this connection, or was acknowledged";
    duplicates_stale, "Duplicates of calls that their client has left behind: dropped";
    duplicates_executed, "Duplicates that ran again because the filter is off";
    cancels, "CANCEL frames that arrived";
    cancels_stale, "CANCEL frames of calls that their client has left behind: dropped";
    cancels_queued, "CANCEL frames that kept a waiting call from running";
    cancels_running, "CANCEL frames of calls that ran: they were told";
    cancels_final, "CANCEL frames of calls that had ended: they got the reply again";
    cancels_first, "CANCEL frames that came before their call: it will never run";
    acks, "ACK frames of final calls: the bytes of the reply went";
    acks_unused, "ACK frames of other calls: dropped";
    refused, "Calls that were refused before they ran";
    replies, "REPLY frames that were queued to be sent, repeated ones included";
    replies_dropped, "Replies that were not sent, since their connection or the server had too many unsent bytes: 'executed, reply lost'";
    panics, "Handlers that panicked";
    given_up, "Handlers that gave their call up";
    denied, "Calls that the service denied before they ran, which are refused ones as well";
    results_without_session, "Results whose session had ended meanwhile";
    protocol_errors, "Connections closed because of what was received";
    floods, "Of them, those that sent more useless frames than an honest client can";
    late_hellos, "Connections closed because no HELLO came in time";
    stalled, "Connections closed because their peer did not listen";
    slow_frames, "Connections closed because a frame had begun and did not go on";
    frames_cut, "Connections closed because frames that had begun took too much room, those first that were silent longest";
    idle_closed, "Connections closed because they were idle, and there was no room for a new one";
    opened, "Sessions opened";
    resumed, "Sessions resumed";
    expired, "Sessions ended by their lease";
    turned_away, "Connections and sessions refused, or evicted before a call of them began, because there were too many";
    evicted, "Of them, sessions that were evicted before a call of them began, so that another one could be opened";
    lost, "Resumptions of sessions that were not there";
};

/// The gauges.
const GAUGES: &[Field<usize>] = fields! {
    sessions, "Sessions now";
    connections, "Connections now";
    records, "Records of the filter, one for each slot ever used now";
    record_bytes, "Bytes of those records now";
    call_bytes, "Bytes that the calls take which wait, run, or have a kept reply, beside their arguments and replies now";
    kept_bytes, "Bytes of kept replies now";
    queued, "Calls that wait to run now";
    running, "Calls that run, those that are held included now";
    held, "Calls that run and whose reply comes later now";
};

/// The gauge that is not one of [`ServerCounters`].
const OLDEST: (&str, &str) =
    ("rpc_server_oldest_running_seconds", "Age of the oldest call that runs on a thread of its own");

impl Collector for Servers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let servers = self.list();
        if servers.is_empty() {
            return Ok(());
        }
        let sum = |sum: ServerCounters, server: &ServerHandle| sum.plus(server.counters());
        let seen = servers.iter().fold(ServerCounters::default(), sum);
        let oldest = servers.iter().map(ServerHandle::oldest_running).max().unwrap_or(Duration::ZERO);
        for (name, help, value) in COUNTERS {
            write(&mut encoder, (*name, *help), &ConstCounter::new(value(&seen)))?;
        }
        for (name, help, value) in GAUGES {
            // More than `i64::MAX` bytes are in no machine.
            let value = i64::try_from(value(&seen)).unwrap_or(i64::MAX);
            write(&mut encoder, (*name, *help), &ConstGauge::new(value))?;
        }
        write(&mut encoder, OLDEST, &ConstGauge::new(oldest.as_secs_f64()))
    }
}

/// Writes one metric.
fn write(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    metric: &impl EncodeMetric,
) -> Result<(), fmt::Error> {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}
