//! `KvStats`: the figures of the server, as a second service on the server of [`Kv`](crate::api::Kv).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

use rpc_core::{Connector, ServerHandle, rpc};
use serde::{Deserialize, Serialize};

use crate::api::KvClient;

/// Reports figures for operators and for the demonstration.
#[rpc]
pub(crate) trait KvStats {
    /// Returns what the server has done and holds. It is slow because it asks every event loop, including the loop
    /// that received this call.
    #[rpc(idempotent, slow)]
    fn stats(&self) -> Stats;
}

/// The counters of the server, as text. A duplicate is a call that arrived again; the filter keeps it from running.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stats {
    /// Identifies the store: a server that was restarted has another name, and an empty store.
    pub(crate) store: String,
    pub(crate) keys: u64,
    pub(crate) calls: u64,
    pub(crate) handler_runs: u64,
    pub(crate) duplicates: u64,
    pub(crate) duplicates_answered: u64,
    pub(crate) duplicates_run_again: u64,
    pub(crate) refused: u64,
    pub(crate) cancels: u64,
    pub(crate) panics: u64,
    pub(crate) protocol_errors: u64,
    pub(crate) connections: u64,
    pub(crate) sessions: u64,
    pub(crate) sessions_resumed: u64,
    pub(crate) filter_record_bytes: u64,
    pub(crate) filter_reply_bytes: u64,
}

/// Returns a client of the figures that shares the session of `kv`.
pub(crate) fn stats_of(kv: &KvClient) -> KvStatsClient {
    Connector::share(&kv.call)
}

/// Reads the figures of one server and one store.
pub(crate) struct Figures {
    name: String,
    /// Counts the keys of the store.
    keys: Box<dyn Fn() -> u64 + Send + Sync>,
    /// The server itself, set once it is bound.
    server: OnceLock<ServerHandle>,
}

impl Figures {
    /// Figures of a store whose keys `keys` counts. It gets a random name.
    pub(crate) fn of(keys: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let random = RandomState::new().build_hasher().finish(); // the only random number in the standard library
        Figures { name: format!("{random:016x}"), keys: Box::new(keys), server: OnceLock::new() }
    }

    /// Sets the server whose counters are reported. Only the first call has an effect.
    pub(crate) fn set_server(&self, server: ServerHandle) {
        let _ = self.server.set(server);
    }
}

impl KvStats for Figures {
    fn stats(&self) -> Stats {
        let keys = (self.keys)();
        let store = self.name.clone();
        let Some(server) = self.server.get() else {
            return Stats { store, keys, ..Stats::default() };
        };
        let seen = server.counters();
        Stats {
            store,
            keys,
            calls: seen.calls,
            handler_runs: seen.executions,
            duplicates: seen.duplicates(),
            duplicates_answered: seen.duplicates_replayed
                + seen.duplicates_not_kept
                + seen.duplicates_refused,
            duplicates_run_again: seen.duplicates_executed,
            refused: seen.refused,
            cancels: seen.cancels,
            panics: seen.panics,
            protocol_errors: seen.protocol_errors,
            connections: seen.connections as u64,
            sessions: seen.sessions as u64,
            sessions_resumed: seen.resumed,
            filter_record_bytes: seen.record_bytes as u64,
            filter_reply_bytes: seen.kept_bytes as u64,
        }
    }
}
