//! A server whose sessions outlive its process: each life opens a store, and writes it before any byte leaves.

use std::fmt;
use std::sync::Arc;

use rpc_core::ids::Time;
use rpc_core::proto::server::{ServerCore, StoredRecord, StoredSession};
use rpc_core::service::{DurableCalls, DurableFilter};

use crate::world::World;

/// Opens the store, for a life of the server that begins.
pub(super) struct OpenStore(pub(super) Box<dyn FnMut() -> Arc<dyn DurableFilter> + Send>);

impl fmt::Debug for OpenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenStore")
    }
}

/// The store of a life of the server that begins.
pub(super) struct Opened {
    /// The store, as calls see it.
    pub(super) calls: DurableCalls,
    /// The incarnation of the server.
    pub(super) incarnation: rpc_core::ids::Incarnation,
    /// The sessions that no loop has taken up yet.
    sessions: Vec<(StoredSession, Vec<StoredRecord>)>,
}

impl Opened {
    /// Gives a loop the sessions that belong to it.
    pub(super) fn restore(&mut self, core: &mut ServerCore, number: usize, local: Time) {
        core.make_durable(self.calls.filter.hash());
        let belongs =
            |(session, _): &(StoredSession, Vec<_>)| usize::from(session.id.loop_number()) == number;
        let sessions = std::mem::take(&mut self.sessions);
        let (mine, others): (Vec<_>, Vec<_>) = sessions.into_iter().partition(belongs);
        self.sessions = others;
        for (session, records) in mine {
            core.restore(session, records, local);
        }
    }
}

impl World {
    /// Gives the server a store, which it opens anew in each of its lives: what was not committed at a crash must be gone then. The
    /// server starts anew with it.
    ///
    /// # Panics
    /// Two of its services cannot be told apart, or the store cannot be read.
    pub fn keep_in(&mut self, open: impl FnMut() -> Arc<dyn DurableFilter> + Send + 'static) {
        self.store = Some(OpenStore(Box::new(open)));
        self.restart_server();
    }

    /// Opens the store of a life that begins.
    pub(super) fn open_store(&mut self, loops: usize) -> Option<Opened> {
        let OpenStore(open) = self.store.as_mut()?;
        let filter = open();
        let restored = match filter.load(loops) {
            Ok(restored) => restored,
            Err(error) => panic!("the store of the server cannot be read: {error}"),
        };
        let max_reply = self.config.limits.max_cached_reply;
        let calls = DurableCalls { filter, max_reply, in_use: restored.in_use };
        Some(Opened { calls, incarnation: restored.incarnation, sessions: restored.sessions })
    }

    /// Makes all durable that a loop is about to tell. A server whose store fails dies; returns false then.
    pub(super) fn commit(&mut self, of_loop: usize) -> bool {
        let Some(at) = self.server.as_mut().and_then(|server| server.loops.get_mut(of_loop)) else {
            return true;
        };
        let Some(durable) = &at.dispatch_env.durable else { return true };
        while let Some(change) = at.core.poll_session_change() {
            durable.filter.note(change);
        }
        let committed = durable.filter.commit().is_ok();
        if !committed {
            self.crash_server();
        }
        committed
    }
}
