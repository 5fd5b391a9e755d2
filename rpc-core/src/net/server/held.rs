//! Layer 4: calls that no thread holds: their replies go to the loop as commands, and their holders are told on a thread that is
//! there while one is to be told.

use std::collections::VecDeque;
use std::sync::Arc;

use super::commands::{Command, CommandQueue};
use crate::log;
use crate::net::sync::thread;
use crate::net::sync::{Mutex, MutexGuard, PoisonError};
use crate::panics::contain;
use crate::proto::server::CallKey;
use crate::service::{DrainSignal, Holder, Notice};
use crate::wire::message::Status;

/// One loop, as the calls see it that it holds.
pub(super) struct HeldByLoop {
    /// The commands of other threads to the loop.
    pub(super) commands: Arc<CommandQueue>,
    /// The notices of all loops.
    pub(super) notices: Arc<Notices>,
    /// The signal of the server's drain.
    pub(super) draining: Arc<DrainSignal>,
}

impl Holder for HeldByLoop {
    fn finish(&self, key: CallKey, status: Status, body: Vec<u8>) {
        self.commands.push(Command::CallFinished { key, status, body });
    }

    fn notify(&self, notice: Notice) {
        self.notices.push(notice);
    }

    fn draining(&self) -> &Arc<DrainSignal> {
        &self.draining
    }
}

/// The functions of users that are to run since a caller waits no longer: at most two for each call that is held.
///
/// Invariant: while `has_thread` is set, a thread runs them, and looks once more before it ends.
#[derive(Default)]
pub(super) struct Notices {
    /// The state under its lock.
    state: Mutex<State>,
}

/// The state of the notices.
#[derive(Default)]
struct State {
    /// The functions, in order.
    waiting: VecDeque<Notice>,
    /// True while a thread runs them.
    has_thread: bool,
}

impl Notices {
    /// Adds a function. It runs on a thread of its own and not on this one, which drives a loop: user code may block.
    fn push(self: &Arc<Self>, notice: Notice) {
        let mut state = self.lock();
        state.waiting.push_back(notice);
        if std::mem::replace(&mut state.has_thread, true) {
            return;
        }
        drop(state);
        let notices = Arc::clone(self);
        let started = thread::Builder::new().name("rpc-notices".to_owned()).spawn(move || notices.run());
        if let Err(error) = started {
            log::warn!(%error, "cannot start the thread that tells of cancelled calls: they are told with the next one");
            self.lock().has_thread = false;
        }
    }

    /// Runs the functions until none is left.
    fn run(&self) {
        while let Some(notice) = self.next() {
            contain(notice);
        }
    }

    /// Takes the next function. The thread ends if there is none.
    fn next(&self) -> Option<Notice> {
        let mut state = self.lock();
        let next = state.waiting.pop_front();
        state.has_thread = next.is_some();
        next
    }

    /// Locks the state. Each change is one statement, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
