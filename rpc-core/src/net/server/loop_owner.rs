//! Layer 4: one event loop and its owner, the thread that drives it. A quick handler runs on the owner; a slow handler keeps
//! its thread, and another thread becomes the owner.
//!
//! ```text
//!                 begin_turn: park the loop                  finish_call: no call is left
//!   OWNED  ----------------------------------->  PARKED  -----------------------------------> OWNED
//!   one thread holds the OwnedLoop,              the owner runs a handler;
//!   it polls, reads and writes                   finish_call + next_call under one lock
//!     |                                            |                      |
//!     | the loop ends                              | take_over:           | next_call: the method
//!     v                                            | the handler is slow; | is known to be slow;
//!   ENDED (`ended` is set)                         | the watcher becomes  | a thread of the pool
//!                                                  | the owner            | becomes the owner
//!                                                  v                      v
//!                                                OWNED or PARKED, epoch + 1; the old owner is in `slow`, and
//!                                                its finish_call sends Command::CallFinished to the loop
//! ```
//!
//! The epoch names one period of ownership. A thread compares its own epoch with the current one when its handler
//! returns, and so finds out that it has lost the loop.

use std::sync::Arc;

use super::commands::{Command, CommandQueue};
use super::error::ServeError;
use super::event_loop::EventLoop;
use super::shutdown::ShutdownSignal;
use super::slow_methods::SlowMethods;
use super::threads::{Chosen, Task, ThreadPool};
use crate::contract::Entry;
use crate::error::Reason;
use crate::ids::Time;
use crate::net::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::net::sync::thread::Thread;
use crate::net::sync::{Mutex, MutexGuard, PoisonError};
use crate::proto::server::{CallKey, ReadyCall, ServerCounters};
use crate::service::DispatchEnv;
use crate::wire::message::Status;

/// One event loop with its owner, its watcher and its thread pool. All threads of a loop share it.
///
/// `stamp`, `turns` and `yield_requested` are read and written with relaxed ordering: they carry no data, and a thread that
/// acts on one of them takes the lock and checks again.
pub(super) struct LoopOwner {
    /// The state that all threads of the loop share.
    inner: Mutex<Inner>,
    /// Notified when the loop or one of its threads has ended.
    pub(super) shutdown: Arc<ShutdownSignal>,
    /// Names the handler that the owner runs: odd while one runs, with another value for each; even otherwise.
    pub(super) stamp: AtomicU64,
    /// Counts the turns of the loop that ran calls.
    pub(super) turns: AtomicU64,
    /// Set by the watcher when one turn has been running calls for long: the owner polls the sockets before the next call.
    pub(super) yield_requested: AtomicBool,
    /// The commands of other threads to the loop.
    pub(super) commands: Arc<CommandQueue>,
    /// The methods that are known to be slow.
    pub(super) methods: Arc<SlowMethods>,
    /// The services, and all else that a call needs to run.
    pub(super) dispatch_env: Arc<DispatchEnv>,
    /// Most threads that run handlers at once, the owner included.
    max_threads: usize,
    /// The number of the loop, for the names of its threads.
    pub(super) number: usize,
}

/// The state that the threads of a loop share, under the lock.
///
/// Invariants, asserted by [`Inner::check`]: the loop is in `parked_loop`, or held as an [`OwnedLoop`] by the one thread
/// that knows `epoch`, or gone (`ended`). A thread that runs a handler has the current epoch, or is listed in `slow` with
/// an older one.
pub(super) struct Inner {
    /// The loop, while its owner runs a handler.
    pub(super) parked_loop: Option<Box<EventLoop>>,
    /// Names the current period of ownership.
    pub(super) epoch: u64,
    /// The method that the owner ran last, or runs now.
    pub(super) running: Option<Entry>,
    /// The last even stamp; the stamp of a running handler is one more.
    stamps: u64,
    /// The calls that run without the loop, each on a thread that has lost it.
    pub(super) slow: Vec<SlowCall>,
    /// The threads of the loop.
    pub(super) threads: ThreadPool,
    /// The result of the loop, once it has ended.
    pub(super) ended: Option<Ended>,
    /// The counters that were returned last, with the number of their request. Counters must not go back when the loop
    /// cannot reply.
    pub(super) last_counters: (u64, ServerCounters),
    /// The number of requests for counters so far.
    pub(super) counter_requests: u64,
}

/// A call whose thread has lost the loop.
pub(super) struct SlowCall {
    /// The epoch in which the thread owned the loop.
    epoch: u64,
    /// The time of the turn in which the call began.
    pub(super) since: Time,
}

/// The result of a loop that has ended.
pub(super) struct Ended {
    /// The counters of the loop at its end.
    pub(super) counters: ServerCounters,
    /// True if calls were abandoned.
    pub(super) forced: bool,
    /// The error that ended the loop, if it was not a drain.
    pub(super) error: Option<ServeError>,
}

/// The loop, held by its owner. There is at most one for a loop.
pub(super) struct OwnedLoop {
    /// The loop.
    pub(super) event_loop: Box<EventLoop>,
    /// The epoch of this ownership.
    pub(super) epoch: u64,
}

/// The next step of a thread that owned the loop a moment ago.
pub(super) enum Next {
    /// Run the call. The loop is parked, and the watcher takes it if the call is slow.
    Run,
    /// Run the call. The method is slow, so another thread has the loop already.
    RunDetached,
    /// Continue with the loop: no call is left, or the sockets must be polled.
    Turn(OwnedLoop),
    /// Another thread has the loop, or it has ended.
    Lost,
}

impl LoopOwner {
    /// Returns the owner of `event_loop`, parked and without threads: [`LoopOwner::start`] starts them.
    pub(super) fn new(
        event_loop: EventLoop,
        commands: Arc<CommandQueue>,
        methods: Arc<SlowMethods>,
        dispatch_env: Arc<DispatchEnv>,
        threads: usize,
        number: usize,
        shutdown: Arc<ShutdownSignal>,
    ) -> Self {
        let inner = Inner {
            parked_loop: Some(Box::new(event_loop)),
            epoch: 0,
            running: None,
            stamps: 0,
            slow: Vec::new(),
            threads: ThreadPool::default(),
            ended: None,
            last_counters: (0, ServerCounters::default()),
            counter_requests: 0,
        };
        LoopOwner {
            inner: Mutex::new(inner),
            shutdown,
            stamp: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            yield_requested: AtomicBool::new(false),
            commands,
            methods,
            dispatch_env,
            max_threads: threads,
            number,
        }
    }

    /// Locks the state. A panic under this lock is a defect of this library and ends the loop (see `work`): a state that
    /// is half changed is not used again, so a poisoned lock is safe to use.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parks the loop, and takes the first call of the turn into `ready`.
    pub(super) fn begin_turn(self: &Arc<Self>, owned: OwnedLoop, ready: &mut Option<ReadyCall>) -> Next {
        if !owned.event_loop.core.has_calls() {
            return Next::Turn(owned);
        }
        self.turns.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.lock();
        if inner.ended.is_some() {
            return Next::Lost;
        }
        debug_assert!(inner.parked_loop.is_none() && inner.epoch == owned.epoch, "a loop has one owner");
        inner.parked_loop = Some(owned.event_loop);
        let watcher = inner.threads.wake_watcher();
        let next = self.next_call(inner, owned.epoch, ready);
        if let Some(thread) = watcher {
            thread.unpark();
        }
        next
    }

    /// Finishes a call, and takes the next one into `ready`. Both happen in one critical section, the only one between two
    /// calls.
    pub(super) fn finish_call(
        self: &Arc<Self>,
        epoch: u64,
        key: CallKey,
        status: Status,
        reply: &mut Vec<u8>,
        ready: &mut Option<ReadyCall>,
    ) -> Next {
        let mut inner = self.lock();
        let inner_mut = &mut *inner;
        match inner_mut.parked_loop.as_mut().filter(|_| inner_mut.epoch == epoch) {
            Some(event_loop) => {
                event_loop.core.finish(key, status, reply, event_loop.now);
                self.next_call(inner, epoch, ready)
            }
            None => {
                // Before the reply is sent: a client that has it may call again, and finds this thread free.
                inner.slow.retain(|call| call.epoch != epoch);
                drop(inner);
                self.commands.push(Command::CallFinished { key, status, body: std::mem::take(reply) });
                Next::Lost
            }
        }
    }

    /// Takes the next call into `ready`, or the loop if there is no call.
    ///
    /// A call of a slow method gets a thread of its own: the loop is released before the call runs. If all other threads
    /// run slow calls already, the call is refused as busy, since the last thread must stay with the loop.
    fn next_call<'a>(
        self: &'a Arc<Self>,
        mut inner: MutexGuard<'a, Inner>,
        epoch: u64,
        ready: &mut Option<ReadyCall>,
    ) -> Next {
        loop {
            *ready = match &mut inner.parked_loop {
                Some(event_loop) if !self.yield_requested.load(Ordering::Relaxed) => event_loop.poll_call(),
                _ => None,
            };
            let Some(call) = ready else {
                self.stamp.store(inner.stamps, Ordering::Relaxed);
                self.yield_requested.store(false, Ordering::Relaxed);
                let owned = inner.parked_loop.take().map(|event_loop| OwnedLoop { event_loop, epoch });
                return owned.map_or(Next::Lost, Next::Turn);
            };
            if !self.methods.is_slow(&call.entry) {
                inner.stamps += 2;
                self.stamp.store(inner.stamps + 1, Ordering::Relaxed);
                inner.running = Some(call.entry);
                return Next::Run;
            }
            if inner.slow.len() + 1 >= self.max_threads {
                inner.refuse_busy(call.key);
                continue;
            }
            // The new owner begins with a flush, since replies of finished calls wait to be written.
            self.stamp.store(inner.stamps, Ordering::Relaxed); // even, so that the watcher does not take the loop as well
            inner.release_loop(epoch);
            let chosen = inner.threads.request(Task::DriveLoop);
            drop(inner);
            if self.wake_or_spawn(chosen, Task::DriveLoop) {
                return Next::RunDetached;
            }
            // No thread can be started, so this thread keeps the loop. No other thread knows the new epoch.
            inner = self.lock();
            inner.slow.retain(|call| call.epoch != epoch);
            if inner.ended.is_some() {
                return Next::Lost;
            }
            inner.epoch = epoch;
            inner.check();
            inner.refuse_busy(call.key);
        }
    }

    /// Takes the parked loop, for a thread that was given the task to drive it.
    pub(super) fn take_parked(&self) -> Option<OwnedLoop> {
        let mut inner = self.lock();
        let epoch = inner.epoch;
        inner.parked_loop.take().map(|event_loop| OwnedLoop { event_loop, epoch })
    }

    /// Takes the loop from the slow handler with this stamp, for the watcher. Returns `None` if that handler has returned.
    pub(super) fn take_over(self: &Arc<Self>, stamp: u64) -> Option<OwnedLoop> {
        let mut inner = self.lock();
        let thread_left = inner.slow.len() + 1 < self.max_threads;
        if self.stamp.load(Ordering::Relaxed) != stamp || !thread_left {
            // If no thread is left, the loop waits for this handler.
            return None;
        }
        let event_loop = inner.parked_loop.take()?;
        let method = inner.running.take();
        self.stamp.store(inner.stamps, Ordering::Relaxed);
        let epoch = inner.epoch;
        inner.release_loop_since(epoch, event_loop.now);
        let owned = OwnedLoop { event_loop, epoch: inner.epoch };
        inner.threads.watcher_leaves();
        let chosen = inner.threads.request(Task::Watch);
        drop(inner);
        self.wake_or_spawn(chosen, Task::Watch);
        if let Some(entry) = method.filter(|entry| self.methods.mark_slow(entry)) {
            tracing::info!(method = entry.method.name, "slow method: its calls now run on a separate thread");
        }
        Some(owned)
    }

    /// Wakes the chosen thread, or starts it. Returns true if there is such a thread.
    pub(super) fn wake_or_spawn(self: &Arc<Self>, chosen: Chosen, task: Task) -> bool {
        match chosen {
            Chosen::Idle(thread) => {
                thread.unpark();
                true
            }
            Chosen::New => self.start_thread(task).is_ok(),
        }
    }

    /// Ends the loop: closes it, and lets all threads end that run no handler.
    pub(super) fn end(&self, event_loop: Option<Box<EventLoop>>, error: Option<ServeError>) {
        let mut inner = self.lock();
        inner.epoch += 1;
        let event_loop = event_loop.or(inner.parked_loop.take());
        let counters = event_loop.as_ref().map(|event_loop| event_loop.core.counters());
        if let Some(ended) = &mut inner.ended {
            ended.error = ended.error.take().or(error); // the owner may have ended it first because of our panic
            ended.counters = counters.unwrap_or(ended.counters);
        } else {
            let counters = counters.unwrap_or(inner.last_counters.1);
            let forced = !inner.slow.is_empty();
            inner.ended = Some(Ended { counters, forced, error });
        }
        inner.check();
        let idle: Vec<Thread> = inner.threads.shut_down();
        drop(inner);
        self.commands.close(); // after `ended` is set: a thread whose command is dropped finds the result there
        drop(event_loop); // closes the sockets, which must not happen under the lock
        idle.iter().for_each(Thread::unpark);
        self.shutdown.notify();
    }
}

impl Inner {
    /// Takes the loop from the owner of this epoch: its handler is a slow call from now on.
    fn release_loop(&mut self, epoch: u64) {
        let now = self.parked_loop.as_ref().map_or(Time::default(), |event_loop| event_loop.now);
        self.release_loop_since(epoch, now);
    }

    /// Does the same, with the time at which the turn of the call began.
    fn release_loop_since(&mut self, epoch: u64, since: Time) {
        self.epoch += 1;
        self.slow.push(SlowCall { epoch, since });
        self.check();
    }

    /// Lists the owner's handler as a slow call, since it does not return and nothing may wait for its thread.
    pub(super) fn abandon_owner(&mut self) {
        let epoch = self.epoch;
        self.release_loop(epoch);
    }

    /// Refuses a call for which there is no thread.
    fn refuse_busy(&mut self, key: CallKey) {
        if let Some(event_loop) = &mut self.parked_loop {
            event_loop.core.finish(key, Status::Refused(Reason::Busy), b"", event_loop.now);
        }
    }

    /// Asserts what holds after every change of ownership.
    fn check(&self) {
        debug_assert!(self.ended.is_none() || self.parked_loop.is_none(), "a loop that has ended is closed");
        debug_assert!(
            self.slow.iter().all(|call| call.epoch < self.epoch),
            "a slow call does not own the loop"
        );
        debug_assert!(
            self.slow.is_sorted_by_key(|call| call.epoch),
            "each slow call has an epoch of its own"
        );
    }
}
