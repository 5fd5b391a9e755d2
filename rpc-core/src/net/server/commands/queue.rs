//! Layer 4: the command queue of a loop: commands of other threads, and the rule that wakes the loop for them.

use std::time::Duration;

use bytes::Bytes;

use crate::log;
use crate::net::os::{Stream, Waker};
use crate::net::sync::mpsc::Sender;
use crate::net::sync::{Mutex, MutexGuard, PoisonError};
use crate::proto::peer::Peer;
use crate::proto::server::{CallKey, ServerCounters};
use crate::wire::message::Status;

/// A command to a loop.
#[derive(Debug)]
pub(crate) enum Command {
    /// A slow call has finished on a thread that does not own the loop, or a call that no thread holds has its reply.
    CallFinished {
        /// The call.
        key: CallKey,
        /// The status of its reply.
        status: Status,
        /// The body of its reply.
        body: Vec<u8>,
    },
    /// The handler of a call has returned on a thread that does not own the loop, and its reply comes later.
    CallHeld(CallKey),
    /// A connection for this loop: a new one, or one whose session belongs to this loop.
    Connection {
        /// The stream, which is registered with no poll.
        stream: Stream,
        /// The client.
        peer: Peer,
        /// The bytes that another loop has read from it.
        input: Bytes,
    },
    /// Close connections that are idle: there is no room for a new one.
    CloseIdle,
    /// Begin to drain, with this grace time.
    Drain(Duration),
    /// End: every loop of the server has drained.
    AllDrained,
    /// Send the counters.
    Counters(Sender<ServerCounters>),
    /// Panic, as a defect of this library would.
    #[cfg(test)]
    Panic,
}

/// The command queue of one loop.
///
/// Invariant: while `asleep` is set, `commands` is empty. The loop sets `asleep` under the lock under which it saw an empty
/// queue, and the thread that pushes the first command clears it and wakes the loop. So no command waits while the loop
/// sleeps.
#[derive(Debug)]
pub(crate) struct CommandQueue {
    /// The queue under its lock.
    state: Mutex<State>,
    /// Wakes the loop out of its poll.
    waker: Waker,
}

/// The state of a command queue.
#[derive(Debug, Default)]
struct State {
    /// The commands in the order of their pushes.
    commands: Vec<Command>,
    /// True if the loop sleeps, or is about to.
    asleep: bool,
    /// True once the loop has ended or must end.
    closed: bool,
}

impl CommandQueue {
    /// Returns an empty queue for the loop that `waker` wakes.
    pub(crate) fn new(waker: Waker) -> Self {
        CommandQueue { state: Mutex::default(), waker }
    }

    /// Adds a command, and wakes the loop if it sleeps. If the queue is closed, the command is dropped.
    pub(crate) fn push(&self, command: Command) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.commands.push(command);
        let wake = std::mem::take(&mut state.asleep);
        state.check();
        drop(state);
        if wake {
            self.wake();
        }
    }

    /// Returns true if the loop may sleep: the queue is empty, and the next command wakes the loop.
    pub(crate) fn may_sleep(&self) -> bool {
        let mut state = self.lock();
        state.asleep = state.commands.is_empty();
        state.asleep
    }

    /// Moves all commands into `into`, which must be empty. Returns true if the queue is closed: then the loop must end.
    pub(crate) fn drain(&self, into: &mut Vec<Command>) -> bool {
        debug_assert!(into.is_empty(), "the commands of the last turn have run");
        let mut state = self.lock();
        state.asleep = false;
        std::mem::swap(&mut state.commands, into);
        state.closed
    }

    /// Closes the queue, since the loop has ended or must end. All commands are dropped, now and later.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let commands = std::mem::take(&mut state.commands);
        state.check();
        drop(state);
        drop(commands); // closes sockets, which must not happen under the lock
        self.wake();
    }

    /// Wakes the loop.
    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            log::warn!(%error, "cannot wake a loop; its commands wait until its next event");
        }
    }

    /// Locks the queue. Each change is one statement, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Asserts the invariant of the queue.
    fn check(&self) {
        debug_assert!(!self.asleep || self.commands.is_empty(), "no command waits while the loop sleeps");
        debug_assert!(!self.closed || self.commands.is_empty(), "a closed queue keeps no command");
    }
}
