//! Layer 4: a second session takes new calls when every slot of the first one waits for a lost reply.
//!
//! ```text
//!  CURRENT --- every slot is orphaned for long ---> DRAINING --- no slot is orphaned any more ---> ended: BYE
//!  takes new calls; calls that wait for a slot      takes no calls; the background worker
//!  move to its successor                            has its socket and waits for its replies
//! ```
//! A slot whose call has an unknown outcome cannot be used again: its late reply would be taken for that of the next call
//! (V15). A server that never replies would so stop the client for the time of a lease. There is at most one session that
//! drains: if the second one is blocked as well, its callers wait.

use crate::ids::Time;
use crate::log;
use crate::net::client::background;
use crate::net::client::driver::{Driver, SOCKET};
use crate::net::client::inner::ClientInner;
use crate::net::client::state::ClientState;
use crate::net::client::transport::Transport;
use crate::proto::client::{ClientCore, ClientCounters, Event};

/// The sessions that a client has left.
#[derive(Debug, Default)]
pub(in crate::net::client) struct LeftSessions {
    /// The session that takes no new calls and ends when the last orphaned slot has its reply. The background worker has its
    /// socket.
    draining: Option<Box<ClientCore>>,
    /// The sum of the counters of sessions that have ended. Without it the client's counters would go back.
    ended: ClientCounters,
}

impl LeftSessions {
    /// Returns the session that drains.
    pub(in crate::net::client) fn draining(&mut self) -> Option<&mut ClientCore> {
        self.draining.as_deref_mut()
    }

    /// Returns true if a session drains.
    pub(in crate::net::client) fn is_draining(&self) -> bool {
        self.draining.is_some()
    }

    /// Returns the next event of a call in the session that drains.
    #[inline]
    pub(in crate::net::client) fn poll_event(&mut self) -> Option<Event> {
        self.draining()?.poll_event()
    }

    /// Abandons a call. It may be orphaned in the session that drains: its reply must not reach the next call with this
    /// ticket. A session that does not know the ticket does nothing.
    pub(in crate::net::client) fn abandon(&mut self, tag: u64, now: Time) {
        if let Some(draining) = self.draining() {
            draining.abandon(tag, now);
        }
    }

    /// Forgets a call whose outcome could have been resolved.
    pub(in crate::net::client) fn forget(&mut self, tag: u64) {
        if let Some(draining) = self.draining() {
            draining.forget(tag);
        }
    }

    /// Closes the session that drains, since the client is closed. The background worker sends its BYE.
    pub(in crate::net::client) fn close(&mut self, now: Time) {
        if let Some(draining) = self.draining() {
            draining.close(now);
        }
    }

    /// Gives up the session that drains without a BYE.
    pub(in crate::net::client) fn abandon_session(&mut self, now: Time) {
        if let Some(draining) = self.draining() {
            draining.abandon_session(now);
        }
    }

    /// Removes the session that drains, and keeps its counters.
    pub(in crate::net::client) fn end(&mut self) {
        if let Some(draining) = self.draining.take() {
            self.ended = self.ended.plus(draining.counters().of_ended_session());
        }
    }

    /// Returns the counters of all sessions that the client has left.
    pub(in crate::net::client) fn counters(&self) -> ClientCounters {
        self.draining.as_ref().map_or(self.ended, |draining| self.ended.plus(draining.counters()))
    }
}

/// Replaces the session of a client whose slots are all orphaned, and gives the old one to the background worker.
#[inline]
pub(in crate::net::client) fn replace_if_blocked(
    inner: &ClientInner,
    state: &mut ClientState,
    driver: &mut Driver,
    now: Time,
) {
    if is_blocked(state, now) {
        replace(inner, state, driver, now);
    }
}

/// Returns true if every slot of the session has been orphaned for long, and no other session drains.
#[inline]
fn is_blocked(state: &ClientState, now: Time) -> bool {
    !state.left.is_draining() && state.core.is_stuck(now)
}

/// Replaces the session of a client that drives itself.
#[cold]
fn replace(inner: &ClientInner, state: &mut ClientState, driver: &mut Driver, now: Time) {
    if let Some(mut transport) = leave_if_blocked(state, &mut driver.transport, now, || inner.fresh_core()) {
        transport.deregister(driver.poll.registry());
        log::warn!(server = %inner.peer(), "every slot waits for a lost reply; new calls use another session");
        background::drain_session(inner.me(), transport);
        inner.process(&mut state.core, &mut driver.transport, driver.poll.registry(), SOCKET, now);
    }
}

/// Leaves a session whose slots are all orphaned: new calls go to the session of `fresh`, and the old one drains. Returns
/// the transport of the old session.
pub(in crate::net::client) fn leave_if_blocked(
    state: &mut ClientState,
    transport: &mut Transport,
    now: Time,
    fresh: impl FnOnce() -> ClientCore,
) -> Option<Transport> {
    if !is_blocked(state, now) {
        return None;
    }
    let mut successor = fresh();
    state.core.move_waiting_to(&mut successor);
    let core = std::mem::replace(&mut state.core, successor);
    debug_assert!(core.orphaned_slots() > 0, "a session is replaced since all its slots are orphaned");
    state.left.draining = Some(Box::new(core));
    Some(std::mem::take(transport))
}
