//! Layer 4: a session that takes no new calls: the background worker drives it until no slot of it is orphaned.

use std::sync::Arc;

use super::super::inner::ClientInner;
use super::super::state::PendingWakeups;
use super::super::transport::TransportEvents;
use super::worker::{BackgroundWorker, ClientJob, Job, next_timer};
use crate::ids::Clock;
use crate::net::os::Token;

impl BackgroundWorker {
    /// Drives a session that drains once, and ends it when no slot is orphaned any more.
    pub(super) fn drain_session(&mut self, key: usize, inner: &Arc<ClientInner>, mut seen: TransportEvents) {
        let registry = self.poll.registry();
        let Some(ClientJob { job: Job::DrainSession(transport), .. }) = self.jobs.get_mut(key) else {
            return;
        };
        transport.read_on(&mut seen);
        let mut wakeups = PendingWakeups::default();
        let now = inner.clock.now();
        let mut state = inner.lock();
        let Some(core) = state.left.draining() else {
            drop(state);
            self.remove(key);
            return;
        };
        inner.apply(core, transport, seen, registry, now);
        if core.orphaned_slots() == 0 {
            // No reply is owed any more: `advance` sends the BYE and closes the socket.
            core.close(now);
        }
        inner.advance(core, transport, registry, Token(key), now);
        inner.flush(core, transport, registry, now);
        let due = if transport.is_unread() { now } else { next_timer(core, transport) };
        let done = core.orphaned_slots() == 0;
        // The thread that drives the other session may wait for one of these outcomes.
        if state.deliver(&mut wakeups) {
            inner.wake_driver(&mut state);
        }
        if done {
            transport.close(registry, false);
            state.left.end();
        }
        drop(state);
        wakeups.send();
        if done {
            self.remove(key);
        } else {
            self.set_due_of(key, due, now);
        }
    }
}
