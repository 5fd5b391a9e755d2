//! Floor 4: a handle on a running server: drains it, and shows what it does.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::bell::Bell;
use super::error::ServeError;
use super::hands::Hands;
use super::mailbox::Mail;
use crate::ids::Time;
use crate::limits::{COUNTERS_WAIT, END_MARGIN};
use crate::net::sync::mpsc;
use crate::proto::server::Counters;

/// How long one question for the counters waits before it looks whether the loop lies open meanwhile.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// Ends a server and looks into it, from any thread. Clones are the same handle.
#[derive(Clone)]
pub struct ServerHandle {
    loops: Arc<[Arc<Hands>]>,
    bell: Arc<Bell>,
    local_addr: SocketAddr,
    grace: Duration,
}

impl ServerHandle {
    pub(super) fn new(
        loops: Vec<Arc<Hands>>,
        bell: Arc<Bell>,
        local_addr: SocketAddr,
        grace: Duration,
    ) -> Self {
        ServerHandle { loops: loops.into(), bell, local_addr, grace }
    }

    /// Begins the end: nobody new is accepted, new calls are refused, running and queued ones finish, clients are
    /// told; then [`Server::run`](super::Server::run) returns, after the grace time at the latest. Does not wait.
    pub fn drain(&self) {
        self.drain_within(self.grace);
    }

    /// As [`ServerHandle::drain`], with another grace time than that of the server's limits. A drain that is under way
    /// ends by then, if that is sooner than it would have: the second ctrl-C of somebody who is in a hurry. Zero ends the
    /// server now; calls that still run are left behind, and their callers are told 'unknown'.
    pub fn drain_within(&self, grace: Duration) {
        if self.bell.drain(grace.saturating_add(END_MARGIN)) {
            tracing::info!(address = %self.local_addr, ?grace, "draining");
        }
        self.loops.iter().for_each(|hands| hands.mailbox.put(Mail::Drain(grace)));
    }

    /// What happened so far, all loops together. Asks each loop, which answers between two calls; one that does not
    /// within a second, because its last thread is in a handler, counts as it did when it last answered. A handler that asks this asks the
    /// loop that it stands on: mark its method `#[rpc(slow)]`, so that it runs beside the loop.
    pub fn counters(&self) -> Counters {
        self.loops.iter().fold(Counters::default(), |sum, hands| sum.plus(hands.counters()))
    }

    /// How long the oldest call has been running that has a thread of its own, to within some milliseconds; zero if
    /// there is none. A handler that never returns shows here.
    pub fn oldest_running(&self) -> Duration {
        let now = |hands: &Hands| hands.runtime.clock.now();
        self.loops
            .iter()
            .filter_map(|hands| hands.oldest_late().map(|since| now(hands).since(since)))
            .max()
            .unwrap_or_default()
    }

    /// Where the server listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    pub(super) fn loops(&self) -> &[Arc<Hands>] {
        &self.loops
    }

    pub(super) fn bell(&self) -> &Bell {
        &self.bell
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerHandle({})", self.local_addr)
    }
}

/// Where a loop stands.
pub(super) struct LoopState {
    /// It has ended, and its threads as well, but for those that were left behind in handlers.
    pub(super) over: bool,
    /// It ended otherwise than by a drain.
    pub(super) failed: bool,
}

impl Hands {
    fn counters(&self) -> Counters {
        let mut left = COUNTERS_WAIT; // counted, not read from a clock: a machine that stands still has asked once only
        while !left.is_zero() {
            let mut inner = self.lock();
            inner.asked += 1;
            let question = inner.asked;
            let known = match (&inner.ended, &inner.slot) {
                (Some(ended), _) => Some(ended.counters),
                (None, Some(event_loop)) => Some(event_loop.core.counters()),
                (None, None) => None,
            };
            if let Some(counters) = known {
                inner.told = (question, counters);
                return counters;
            }
            let (answer, answered) = mpsc::channel();
            self.mailbox.put(Mail::Counters(answer)); // under the lock, so that answers come in the order of the questions
            drop(inner);
            if let Ok(counters) = answered.recv_timeout(ASK_AGAIN) {
                let mut inner = self.lock();
                if question > inner.told.0 {
                    inner.told = (question, counters);
                }
                return counters;
            }
            left = left.saturating_sub(ASK_AGAIN);
        }
        self.lock().told.1
    }

    fn oldest_late(&self) -> Option<Time> {
        self.lock().late.iter().map(|late| late.since).min()
    }

    pub(super) fn state(&self) -> LoopState {
        let inner = self.lock();
        let over = inner.ended.is_some() && inner.spares.alive <= inner.late.len();
        LoopState { over, failed: inner.ended.as_ref().is_some_and(|ended| ended.error.is_some()) }
    }

    pub(super) fn take_error(&self) -> Option<ServeError> {
        self.lock().ended.as_mut().and_then(|ended| ended.error.take())
    }

    pub(super) fn was_forced(&self) -> bool {
        self.lock().ended.as_ref().is_some_and(|ended| ended.forced)
    }

    /// Ends the loop if it lies in the slot, which after the grace time means that its owner's handler does not return.
    pub(super) fn end_if_stuck(&self) {
        let mut inner = self.lock();
        if inner.ended.is_some() || inner.slot.is_none() {
            return;
        }
        inner.leave_owner_behind();
        drop(inner);
        self.end(None, None);
    }
}
