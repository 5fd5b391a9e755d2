//! Floor 4: what other threads want of a loop: one box, one waker, and the rule by which no letter waits for a sleeper.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::net::os::{TcpStream, Waker};
use crate::net::sync::mpsc::Sender;
use crate::net::sync::{Mutex, MutexGuard, PoisonError};
use crate::proto::server::{CallKey, Counters};
use crate::wire::message::Status;

/// A letter to a loop.
#[derive(Debug)]
pub(super) enum Mail {
    /// A call that ran beside the loop has ended.
    Late {
        /// Which call.
        key: CallKey,
        /// How it ended.
        status: Status,
        /// Its reply.
        body: Vec<u8>,
    },
    /// A connection: a new one, or one whose session lives here; then with what it has said so far.
    Connection {
        /// Not registered anywhere.
        stream: TcpStream,
        /// The other end.
        peer: SocketAddr,
        /// Bytes that were read before it came here.
        input: Bytes,
    },
    /// Begin to drain.
    Drain(Duration),
    /// Say what happened so far.
    Counters(Sender<Counters>),
}

/// The box of one loop.
///
/// Invariant: while `asleep` is set, `letters` is empty. The loop sets it under the lock under which it saw the box
/// empty, and whoever puts the first letter in clears it and wakes the loop. So no letter lies beside a sleeping loop.
#[derive(Debug)]
pub(super) struct Mailbox {
    state: Mutex<State>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct State {
    letters: Vec<Mail>,
    asleep: bool,
    closed: bool,
}

impl Mailbox {
    pub(super) fn new(waker: Waker) -> Self {
        Mailbox { state: Mutex::default(), waker }
    }

    /// Puts a letter in, and wakes the loop if it sleeps. A loop that has ended drops the letter.
    pub(super) fn put(&self, mail: Mail) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.letters.push(mail);
        let wake = std::mem::take(&mut state.asleep);
        drop(state);
        if wake {
            self.wake();
        }
    }

    /// Whether the loop may sleep: only with an empty box. From here on a letter wakes it.
    pub(super) fn may_sleep(&self) -> bool {
        let mut state = self.lock();
        state.asleep = state.letters.is_empty();
        state.asleep
    }

    /// Takes all letters into `into`, which must be empty. The loop is awake. Says whether the box is closed: then the
    /// loop must end.
    pub(super) fn take(&self, into: &mut Vec<Mail>) -> bool {
        let mut state = self.lock();
        state.asleep = false;
        std::mem::swap(&mut state.letters, into);
        state.closed
    }

    /// The loop has ended, or must: letters are dropped from here on, those in the box as well.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let letters = std::mem::take(&mut state.letters);
        drop(state);
        drop(letters); // closes sockets: not under the lock
        self.wake();
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::warn!(%error, "a loop could not be woken; it goes on at its next event");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // each change is one statement
    }
}
