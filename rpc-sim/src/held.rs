//! Calls of a world that no handler holds: what ends them waits here until the world goes on.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rpc_core::proto::server::CallKey;
use rpc_core::service::{DrainSignal, Holder, Notice};
use rpc_core::wire::message::Status;

use crate::world::World;

/// The held calls of one loop that have ended, and the functions that tell holders of a cancelled call.
#[derive(Default)]
pub(super) struct HeldByLoop {
    waiting: Mutex<Waiting>,
    /// The signal of the server's drain: each loop has its own, and all are set in one step.
    pub(super) draining: Arc<DrainSignal>,
}

#[derive(Default)]
struct Waiting {
    ended: VecDeque<(CallKey, Status, Vec<u8>)>,
    notices: VecDeque<Notice>,
}

impl HeldByLoop {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for HeldByLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldByLoop({} ended)", self.lock().ended.len())
    }
}

impl Holder for HeldByLoop {
    fn finish(&self, key: CallKey, status: Status, body: Vec<u8>) {
        self.lock().ended.push_back((key, status, body));
    }

    fn notify(&self, notice: Notice) {
        self.lock().notices.push_back(notice);
    }

    fn draining(&self) -> &Arc<DrainSignal> {
        &self.draining
    }
}

impl World {
    /// Takes a function that tells the holder of a call that its caller waits no longer: run it, without the world's lock.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        let server = self.server.as_ref()?;
        server.loops.iter().find_map(|at| at.held.lock().notices.pop_front())
    }

    /// Gives the server the replies of calls that no handler holds. Returns true if there was one.
    pub(super) fn finish_held(&mut self) -> bool {
        let (now, local) = (self.now(), self.server_time());
        if self.server_is_paused() {
            return false;
        }
        let mut ended = Vec::new();
        for at in self.server.iter_mut().flat_map(|server| &mut server.loops) {
            while let Some((key, status, body)) = { at.held.lock().ended.pop_front() } {
                at.core.finish(key, status, &body, local);
                ended.push(status);
            }
        }
        for status in &ended {
            self.trace.note(now, &[28, u64::from(status.code())], || format!("a held call ends: {status:?}"));
        }
        if !ended.is_empty() {
            self.pump_server(now);
        }
        !ended.is_empty()
    }
}
