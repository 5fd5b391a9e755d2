//! Layer 4: the store of a server: its sessions are taken up at the start, and it is written before any byte leaves.

use std::sync::Arc;

use super::error::ServeError;
use super::event_loop::EventLoop;
use crate::ids::{Incarnation, Time};
use crate::limits::ServerLimits;
use crate::proto::server::{ServerCore, StoredRecord, StoredSession};
use crate::service::{DurableCalls, DurableError, DurableFilter, Service};

/// The store of a server that starts.
pub(super) struct DurableServer {
    /// The store, as calls see it.
    pub(super) calls: DurableCalls,
    /// The sessions that no loop has taken up yet.
    sessions: Vec<(StoredSession, Vec<StoredRecord>)>,
}

impl DurableServer {
    /// Reads the store of a server with these services.
    pub(super) fn load(
        filter: &Arc<dyn DurableFilter>,
        services: &[Arc<dyn Service>],
        limits: &ServerLimits,
        loops: usize,
    ) -> Result<(DurableServer, Incarnation), ServeError> {
        let mut methods = services.iter().flat_map(|service| service.contract().methods);
        if let Some(method) = methods.find(|method| method.later && !method.idempotent) {
            return Err(ServeError::DurableLater(method.name));
        }
        let restored = filter.load(loops)?;
        let calls = DurableCalls {
            filter: Arc::clone(filter),
            max_reply: limits.max_cached_reply,
            in_use: restored.in_use,
        };
        Ok((DurableServer { calls, sessions: restored.sessions }, restored.incarnation))
    }

    /// Gives a loop the sessions that belong to it. Those of a loop that is there no more end: the first loop says so.
    pub(super) fn restore(&mut self, core: &mut ServerCore, number: usize, loops: usize, now: Time) {
        core.make_durable(self.calls.filter.hash());
        let belongs = |(session, _): &(StoredSession, _)| {
            let of = usize::from(session.id.loop_number());
            of == number || (number == 0 && of >= loops)
        };
        let (mine, others) = std::mem::take(&mut self.sessions).into_iter().partition(belongs);
        self.sessions = others;
        let mine: Vec<_> = mine;
        for (session, records) in mine {
            core.restore(session, records, now);
        }
    }
}

/// The store of a loop.
pub(super) struct DurableLoop {
    /// The store.
    calls: DurableCalls,
    /// The error of a commit. The loop writes nothing from then on, and ends.
    error: Option<DurableError>,
}

impl DurableLoop {
    /// Returns the store of a loop.
    pub(super) fn new(calls: DurableCalls) -> Self {
        DurableLoop { calls, error: None }
    }
}

impl EventLoop {
    /// Makes all durable that the bytes tell of which this loop is about to write. Returns false if that failed: nothing may be
    /// written.
    #[cold] // the path of a server without a store comes first
    pub(super) fn commit(&mut self) -> bool {
        let Some(durable) = &mut self.durable else { return true };
        if durable.error.is_some() {
            return false;
        }
        let filter = &durable.calls.filter;
        while let Some(change) = self.core.poll_session_change() {
            filter.note(change);
        }
        durable.error = filter.commit().err();
        durable.error.is_none()
    }

    /// Takes the error of the store, which ends the loop.
    pub(super) fn take_store_error(&mut self) -> Option<ServeError> {
        self.durable.as_mut().and_then(|durable| durable.error.take()).map(ServeError::Durable)
    }
}
