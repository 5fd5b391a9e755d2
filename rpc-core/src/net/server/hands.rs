//! Floor 4: the loop that changes hands. Quick handlers run on the thread that drives the loop; a slow one keeps its
//! thread, and another thread goes on with the loop.
//!
//! ```text
//!            begin                     finish, next: one critical section                 queue empty
//! owner: [flush, receive] --> run handler --> [finish + next call] --> run handler --> ... --> takes the loop out again
//!                                 |  loop lies in the slot |
//!                                 '--- late: the watcher takes it (steal), or it was given away before the run
//!                                      (hand over): epoch + 1, so that the old owner finds out when it comes back
//! ```

use std::sync::Arc;

use super::bell::Bell;
use super::error::ServeError;
use super::event_loop::EventLoop;
use super::mailbox::{Mail, Mailbox};
use super::methods::Methods;
use super::spares::{Hired, Order, Spares};
use crate::contract::Entry;
use crate::error::Reason;
use crate::ids::Time;
use crate::net::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::net::sync::thread::Thread;
use crate::net::sync::{Mutex, MutexGuard, PoisonError};
use crate::proto::server::{CallKey, Counters, ReadyCall};
use crate::service::Runtime;
use crate::wire::message::Status;

/// One loop and the threads around it.
///
/// `stamp`, `turn` and `look_up` are relaxed: they carry no data, and whoever acts on one takes the lock and looks again.
pub(super) struct Hands {
    inner: Mutex<Inner>,
    /// Rung when the loop has ended, or a thread has.
    pub(super) bell: Arc<Bell>,
    /// Odd while a handler runs in the owner's hands, and another odd value for each; even otherwise.
    pub(super) stamp: AtomicU64,
    /// Counts turns of the loop.
    pub(super) turn: AtomicU64,
    /// The watcher says: this turn has been running calls for long, look at the sockets before the next one.
    pub(super) look_up: AtomicBool,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) methods: Arc<Methods>,
    pub(super) runtime: Arc<Runtime>,
    /// Most threads that run handlers at once, the owner included.
    threads: usize,
    /// For the names of threads.
    pub(super) number: usize,
}

/// Invariants: the loop is in `slot`, or in the hands of the one thread that knows `epoch`, or gone (`ended`). A thread
/// runs a handler with the loop in the slot and its own epoch current, or is named in `late`.
pub(super) struct Inner {
    pub(super) slot: Option<Box<EventLoop>>,
    pub(super) epoch: u64,
    pub(super) running: Option<Entry>,
    /// Source of stamps; even.
    stamps: u64,
    /// Threads that run a handler without the loop, by the epoch in which they had it.
    pub(super) late: Vec<Late>,
    pub(super) spares: Spares,
    pub(super) ended: Option<Ended>,
    /// The counters that were given out last, with the number of the question: they must not go back when the loop
    /// cannot be asked.
    pub(super) told: (u64, Counters),
    /// Questions for the counters so far.
    pub(super) asked: u64,
}

pub(super) struct Late {
    epoch: u64,
    pub(super) since: Time,
}

/// What is left of a loop.
pub(super) struct Ended {
    pub(super) counters: Counters,
    /// Whether calls were left behind.
    pub(super) forced: bool,
    pub(super) error: Option<ServeError>,
}

/// The loop in somebody's hands.
pub(super) struct Held {
    pub(super) event_loop: Box<EventLoop>,
    pub(super) epoch: u64,
}

/// What a thread does next.
pub(super) enum Next {
    /// Runs the call in its place; the loop lies in the slot, and may be taken if it is late.
    Run,
    /// Runs the call in its place; the loop was given away before.
    RunBeside,
    /// Goes on with the loop: nothing is left to run, or it is time to look up.
    Turn(Held),
    /// Somebody else has the loop.
    Free,
}

impl Hands {
    pub(super) fn new(
        event_loop: EventLoop,
        mailbox: Arc<Mailbox>,
        methods: Arc<Methods>,
        runtime: Arc<Runtime>,
        threads: usize,
        number: usize,
        bell: Arc<Bell>,
    ) -> Self {
        let inner = Inner {
            slot: Some(Box::new(event_loop)),
            epoch: 0,
            running: None,
            stamps: 0,
            late: Vec::new(),
            spares: Spares::default(),
            ended: None,
            told: (0, Counters::default()),
            asked: 0,
        };
        Hands {
            inner: Mutex::new(inner),
            bell,
            stamp: AtomicU64::new(0),
            turn: AtomicU64::new(0),
            look_up: AtomicBool::new(false),
            mailbox,
            methods,
            runtime,
            threads,
            number,
        }
    }

    /// A panic under this lock is a defect, and ends the loop (see `work`): what it left half-done is not used again.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the loop into the slot, and takes the first call of the turn into `place`.
    pub(super) fn begin(self: &Arc<Self>, held: Held, place: &mut Option<ReadyCall>) -> Next {
        if !held.event_loop.core.has_calls() {
            return Next::Turn(held);
        }
        self.turn.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.lock();
        if inner.ended.is_some() {
            return Next::Free;
        }
        inner.slot = Some(held.event_loop);
        let watcher = inner.spares.wake_watcher();
        let next = self.next(inner, held.epoch, place);
        if let Some(thread) = watcher {
            thread.unpark();
        }
        next
    }

    /// Ends a call, and takes the next one into `place`. Only here and in `begin` does a lock stand between two calls.
    pub(super) fn finish(
        self: &Arc<Self>,
        epoch: u64,
        key: CallKey,
        status: Status,
        reply: &mut Vec<u8>,
        place: &mut Option<ReadyCall>,
    ) -> Next {
        let mut inner = self.lock();
        let inner_mut = &mut *inner;
        match inner_mut.slot.as_mut().filter(|_| inner_mut.epoch == epoch) {
            Some(held) => {
                held.core.finish(key, status, reply, held.now);
                self.next(inner, epoch, place)
            }
            None => {
                inner.late.retain(|late| late.epoch != epoch); // before the caller hears of it: the room is there
                drop(inner);
                self.mailbox.put(Mail::Late { key, status, body: std::mem::take(reply) });
                Next::Free
            }
        }
    }

    /// The next call, or the loop. Calls of methods that may be late are given a thread of their own, or refused when
    /// there is none: the last thread must not be late.
    fn next<'a>(
        self: &'a Arc<Self>,
        mut inner: MutexGuard<'a, Inner>,
        epoch: u64,
        place: &mut Option<ReadyCall>,
    ) -> Next {
        loop {
            *place = match &mut inner.slot {
                Some(held) if !self.look_up.load(Ordering::Relaxed) => held.core.poll_call(held.now),
                _ => None,
            };
            let Some(call) = place else {
                self.stamp.store(inner.stamps, Ordering::Relaxed);
                self.look_up.store(false, Ordering::Relaxed);
                let held = inner.slot.take().map(|event_loop| Held { event_loop, epoch });
                return held.map_or(Next::Free, Next::Turn);
            };
            if !self.methods.may_be_late(&call.entry) {
                inner.stamps += 2;
                self.stamp.store(inner.stamps + 1, Ordering::Relaxed);
                inner.running = Some(call.entry);
                return Next::Run;
            }
            if inner.late.len() + 1 >= self.threads {
                inner.refuse_busy(call.key);
                continue;
            }
            // Its new owner flushes first: replies of finished calls wait to be written.
            self.stamp.store(inner.stamps, Ordering::Relaxed); // the watcher must not take it as well
            inner.let_go(epoch);
            let hired = inner.spares.hire(Order::Own);
            drop(inner);
            if self.bring(hired, Order::Own) {
                return Next::RunBeside;
            }
            // There is no thread to be had: this one must keep the loop. Nobody else was told of the new epoch.
            inner = self.lock();
            inner.late.retain(|late| late.epoch != epoch);
            if inner.ended.is_some() {
                return Next::Free;
            }
            inner.epoch = epoch;
            inner.refuse_busy(call.key);
        }
    }

    /// Takes the loop out of the slot for a thread that was hired for it.
    pub(super) fn claim(&self) -> Option<Held> {
        let mut inner = self.lock();
        let epoch = inner.epoch;
        inner.slot.take().map(|event_loop| Held { event_loop, epoch })
    }

    /// The watcher takes the loop from a handler that is late: the one that ran under this stamp, if it still does.
    pub(super) fn steal(self: &Arc<Self>, stamp: u64) -> Option<Held> {
        let mut inner = self.lock();
        let room = inner.late.len() + 1 < self.threads;
        if self.stamp.load(Ordering::Relaxed) != stamp || !room {
            return None; // without room everybody waits for this handler: an unflagged method, once
        }
        let event_loop = inner.slot.take()?;
        let method = inner.running.take();
        self.stamp.store(inner.stamps, Ordering::Relaxed);
        let epoch = inner.epoch;
        inner.let_go_since(epoch, event_loop.now);
        let held = Held { event_loop, epoch: inner.epoch };
        inner.spares.watcher_leaves();
        let hired = inner.spares.hire(Order::Watch);
        drop(inner);
        self.bring(hired, Order::Watch);
        if let Some(entry) = method.filter(|entry| self.methods.was_late(entry)) {
            tracing::info!(
                method = entry.method.name,
                "a method was late: from now on it runs on threads of its own"
            );
        }
        Some(held)
    }

    /// Calls a hired thread: wakes it, or starts it. Says whether it comes.
    pub(super) fn bring(self: &Arc<Self>, hired: Hired, order: Order) -> bool {
        match hired {
            Hired::Waiting(thread) => {
                thread.unpark();
                true
            }
            Hired::New => self.start_thread(order).is_ok(),
        }
    }

    /// The loop has ended: it is closed, and all threads that run no handler end.
    pub(super) fn end(&self, event_loop: Option<Box<EventLoop>>, error: Option<ServeError>) {
        let mut inner = self.lock();
        inner.epoch += 1;
        let event_loop = event_loop.or(inner.slot.take());
        let counters = event_loop.as_ref().map(|held| held.core.counters());
        if let Some(ended) = &mut inner.ended {
            ended.error = ended.error.take().or(error); // the owner may have ended it first, on our account
            ended.counters = counters.unwrap_or(ended.counters);
        } else {
            let counters = counters.unwrap_or(inner.told.1);
            let forced = !inner.late.is_empty();
            inner.ended = Some(Ended { counters, forced, error });
        }
        let waiting: Vec<Thread> = inner.spares.dismiss();
        drop(inner);
        self.mailbox.close(); // not before `ended` is set: what asks a closed loop looks there
        drop(event_loop); // closes the sockets: not under the lock
        waiting.iter().for_each(Thread::unpark);
        self.bell.ring();
    }
}

impl Inner {
    /// The owner of this epoch loses the loop, and its handler is late from now on.
    fn let_go(&mut self, epoch: u64) {
        let now = self.slot.as_ref().map_or(Time::default(), |held| held.now);
        self.let_go_since(epoch, now);
    }

    fn let_go_since(&mut self, epoch: u64, since: Time) {
        self.epoch += 1;
        self.late.push(Late { epoch, since });
    }

    /// The owner's handler does not return: its thread counts as late, so that nobody waits for it.
    pub(super) fn leave_owner_behind(&mut self) {
        let epoch = self.epoch;
        self.let_go(epoch);
    }

    fn refuse_busy(&mut self, key: CallKey) {
        if let Some(held) = &mut self.slot {
            held.core.finish(key, Status::Refused(Reason::Busy), b"", held.now);
        }
    }
}
