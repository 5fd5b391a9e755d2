//! Layer 2: the counters of a server, for operators, demonstrations and tests.

/// Counts since the start, and gauges of the present (marked 'now').
///
/// ```
/// use rpc_core::{Health, Server, ServerCounters};
///
/// let server = Server::builder().service(Health::new()).bind("127.0.0.1:0")?.spawn()?;
/// let counters: ServerCounters = server.counters();
/// println!("{} calls, {} of them duplicates", counters.calls, counters.duplicates());
/// println!("{} run and {} wait", counters.running, counters.queued);
/// # Ok::<(), rpc_core::ServeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerCounters {
    /// CALL frames that arrived, duplicates included.
    pub calls: u64,
    /// Times that a user's function was entered or its stub refused after dispatch.
    pub executions: u64,
    /// Duplicates of calls that wait or run: nothing was done, the reply will follow.
    pub duplicates_under_way: u64,
    /// Duplicates that got the kept reply again.
    pub duplicates_replayed: u64,
    /// Duplicates of calls whose reply was not kept: they got 'executed, reply lost'.
    pub duplicates_not_kept: u64,
    /// Duplicates of refused calls: refused again.
    pub duplicates_refused: u64,
    /// Duplicates that needed no reply: it is still unsent on this connection, or was acknowledged.
    pub duplicates_without_reply: u64,
    /// Duplicates of calls that their client has left behind: dropped.
    pub duplicates_stale: u64,
    /// Duplicates that ran again because the filter is off.
    pub duplicates_executed: u64,
    /// CANCEL frames that arrived.
    pub cancels: u64,
    /// CANCEL frames of calls that their client has left behind: dropped.
    pub cancels_stale: u64,
    /// CANCEL frames that kept a waiting call from running.
    pub cancels_queued: u64,
    /// CANCEL frames of calls that ran: they were told.
    pub cancels_running: u64,
    /// CANCEL frames of calls that had ended: they got the reply again.
    pub cancels_final: u64,
    /// CANCEL frames that came before their call: it will never run.
    pub cancels_first: u64,
    /// ACK frames of final calls: the bytes of the reply went.
    pub acks: u64,
    /// ACK frames of other calls: dropped.
    pub acks_unused: u64,
    /// Calls that were refused before they ran.
    pub refused: u64,
    /// REPLY frames that were queued to be sent, repeated ones included.
    pub replies: u64,
    /// Replies that were not sent, since their connection or the server had too many unsent bytes: 'executed, reply lost'.
    pub replies_dropped: u64,
    /// Handlers that panicked.
    pub panics: u64,
    /// Handlers that gave their call up.
    pub given_up: u64,
    /// Calls that the service denied before they ran, which are refused ones as well.
    pub denied: u64,
    /// Results whose session had ended meanwhile.
    pub results_without_session: u64,
    /// Connections closed because of what was received.
    pub protocol_errors: u64,
    /// Of them, those that sent more useless frames than an honest client can.
    pub floods: u64,
    /// Connections closed because no HELLO came in time.
    pub late_hellos: u64,
    /// Connections closed because their peer did not listen.
    pub stalled: u64,
    /// Connections closed because a frame had begun and did not go on.
    pub slow_frames: u64,
    /// Connections closed because frames that had begun took too much room, those first that were silent longest.
    pub frames_cut: u64,
    /// Connections closed because they were idle, and there was no room for a new one.
    pub idle_closed: u64,
    /// Sessions opened.
    pub opened: u64,
    /// Sessions resumed.
    pub resumed: u64,
    /// Sessions ended by their lease.
    pub expired: u64,
    /// Connections and sessions refused, or evicted before a call of them began, because there were too many.
    pub turned_away: u64,
    /// Of them, sessions that were evicted before a call of them began, so that another one could be opened.
    pub evicted: u64,
    /// Resumptions of sessions that were not there.
    pub lost: u64,
    /// Now: sessions.
    pub sessions: usize,
    /// Now: connections.
    pub connections: usize,
    /// Now: records of the filter, one for each slot ever used.
    pub records: usize,
    /// Now: bytes of those records.
    pub record_bytes: usize,
    /// Now: bytes that the calls take which wait, run, or have a kept reply, beside their arguments and replies.
    pub call_bytes: usize,
    /// Now: bytes of kept replies.
    pub kept_bytes: usize,
    /// Now: calls that wait to run.
    pub queued: usize,
    /// Now: calls that run, those that are held included.
    pub running: usize,
    /// Now: calls that run and whose reply comes later.
    pub held: usize,
}

impl ServerCounters {
    /// Returns the number of duplicates that were kept from running again.
    pub fn duplicates(&self) -> u64 {
        self.duplicates_under_way
            + self.duplicates_replayed
            + self.duplicates_not_kept
            + self.duplicates_refused
            + self.duplicates_without_reply
            + self.duplicates_stale
    }

    /// Returns the number of events that begin the linger time of a drain anew: replies sent, and sessions resumed (V20).
    pub(super) fn drain_events(&self) -> u64 {
        self.replies + self.resumed
    }

    /// The sum of two loops' counts.
    pub fn plus(self, other: ServerCounters) -> ServerCounters {
        ServerCounters {
            calls: self.calls + other.calls,
            executions: self.executions + other.executions,
            duplicates_under_way: self.duplicates_under_way + other.duplicates_under_way,
            duplicates_replayed: self.duplicates_replayed + other.duplicates_replayed,
            duplicates_not_kept: self.duplicates_not_kept + other.duplicates_not_kept,
            duplicates_refused: self.duplicates_refused + other.duplicates_refused,
            duplicates_without_reply: self.duplicates_without_reply + other.duplicates_without_reply,
            duplicates_stale: self.duplicates_stale + other.duplicates_stale,
            duplicates_executed: self.duplicates_executed + other.duplicates_executed,
            cancels: self.cancels + other.cancels,
            cancels_stale: self.cancels_stale + other.cancels_stale,
            cancels_queued: self.cancels_queued + other.cancels_queued,
            cancels_running: self.cancels_running + other.cancels_running,
            cancels_final: self.cancels_final + other.cancels_final,
            cancels_first: self.cancels_first + other.cancels_first,
            acks: self.acks + other.acks,
            acks_unused: self.acks_unused + other.acks_unused,
            refused: self.refused + other.refused,
            replies: self.replies + other.replies,
            replies_dropped: self.replies_dropped + other.replies_dropped,
            panics: self.panics + other.panics,
            given_up: self.given_up + other.given_up,
            denied: self.denied + other.denied,
            results_without_session: self.results_without_session + other.results_without_session,
            protocol_errors: self.protocol_errors + other.protocol_errors,
            floods: self.floods + other.floods,
            late_hellos: self.late_hellos + other.late_hellos,
            stalled: self.stalled + other.stalled,
            slow_frames: self.slow_frames + other.slow_frames,
            frames_cut: self.frames_cut + other.frames_cut,
            idle_closed: self.idle_closed + other.idle_closed,
            opened: self.opened + other.opened,
            resumed: self.resumed + other.resumed,
            expired: self.expired + other.expired,
            turned_away: self.turned_away + other.turned_away,
            evicted: self.evicted + other.evicted,
            lost: self.lost + other.lost,
            sessions: self.sessions + other.sessions,
            connections: self.connections + other.connections,
            records: self.records + other.records,
            record_bytes: self.record_bytes + other.record_bytes,
            call_bytes: self.call_bytes + other.call_bytes,
            kept_bytes: self.kept_bytes + other.kept_bytes,
            queued: self.queued + other.queued,
            running: self.running + other.running,
            held: self.held + other.held,
        }
    }
}

/// Declares a function that names all counters. A counter that is left out does not compile.
macro_rules! named {
    ($($counter:ident),+ $(,)?) => {
        impl ServerCounters {
            /// Returns the counters by their names.
            #[doc(hidden)] // for the service that describes a server
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                let ServerCounters { $($counter),+ } = *self;
                vec![$((stringify!($counter), $counter as u64)),+]
            }
        }
    };
}

named! {
    calls, executions, duplicates_under_way, duplicates_replayed, duplicates_not_kept,
    duplicates_refused, duplicates_without_reply, duplicates_stale, duplicates_executed, cancels,
    cancels_stale, cancels_queued, cancels_running, cancels_final, cancels_first, acks, acks_unused,
    refused, replies, replies_dropped, panics, given_up, denied, results_without_session,
    protocol_errors, floods, late_hellos, stalled, slow_frames, frames_cut, idle_closed, opened,
    resumed, expired, turned_away, evicted, lost, sessions, connections, records, record_bytes,
    call_bytes, kept_bytes, queued, running, held,
}

#[cfg(test)]
mod tests {
    use super::ServerCounters;

    /// Counters of which each has a value of its own, times `by`.
    fn counted(by: u64) -> ServerCounters {
        ServerCounters {
            calls: 2 * by,
            executions: 3 * by,
            duplicates_under_way: 4 * by,
            duplicates_replayed: 5 * by,
            duplicates_not_kept: 6 * by,
            duplicates_refused: 7 * by,
            duplicates_without_reply: 8 * by,
            duplicates_stale: 9 * by,
            duplicates_executed: 10 * by,
            cancels: 11 * by,
            cancels_stale: 12 * by,
            cancels_queued: 13 * by,
            cancels_running: 14 * by,
            cancels_final: 15 * by,
            cancels_first: 16 * by,
            acks: 17 * by,
            acks_unused: 18 * by,
            refused: 19 * by,
            replies: 20 * by,
            replies_dropped: 39 * by,
            panics: 21 * by,
            given_up: 44 * by,
            denied: 46 * by,
            results_without_session: 22 * by,
            protocol_errors: 23 * by,
            floods: 40 * by,
            late_hellos: 24 * by,
            stalled: 25 * by,
            slow_frames: 41 * by,
            frames_cut: 42 * by,
            idle_closed: 43 * by,
            opened: 26 * by,
            resumed: 27 * by,
            expired: 28 * by,
            turned_away: 29 * by,
            evicted: 30 * by,
            lost: 31 * by,
            sessions: 32 * by as usize,
            connections: 33 * by as usize,
            records: 34 * by as usize,
            record_bytes: 35 * by as usize,
            call_bytes: 47 * by as usize,
            kept_bytes: 36 * by as usize,
            queued: 37 * by as usize,
            running: 38 * by as usize,
            held: 45 * by as usize,
        }
    }

    #[test]
    fn each_counter_of_a_sum_is_the_sum_of_that_counter() {
        assert_eq!(counted(3).plus(counted(4)), counted(7));
    }

    #[test]
    fn each_counter_has_its_value_under_its_name() {
        let named = counted(1).named();
        assert!(named.contains(&("calls", 2)) && named.contains(&("held", 45)), "{named:?}");
        let mut values: Vec<u64> = named.iter().map(|(_, value)| *value).collect();
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), named.len(), "each has a value of its own: {named:?}");
    }

    #[test]
    fn v20_each_reply_and_each_resume_begins_the_linger_time_of_a_drain_anew() {
        let counters = ServerCounters { replies: 3, resumed: 5, ..counted(100) };
        assert_eq!(counters.drain_events(), 8);
    }
}
