//! Layer 4: one event loop and its owner, the thread that drives it. A quick handler runs on the owner; a slow handler keeps
//! its thread, and another thread becomes the owner.
//!
//! ```text
//!                 park                                       take_back: no call is left
//!   OWNED  ----------------------------------->  PARKED  -----------------------------------> OWNED
//!   one thread holds the OwnedLoop,              the owner runs a handler;
//!   it polls, reads and writes                   finish_call + next_call under one lock
//!     |                                            |                      |
//!     | the loop ends                              | take_over:           | detach: the method
//!     v                                            | the handler is slow; | is known to be slow;
//!   ENDED (`ended` is set)                         | the watcher becomes  | a thread of the pool
//!                                                  | the owner            | becomes the owner
//!                                                  v                      v
//!                                                OWNED or PARKED, epoch + 1; the old owner is in `slow`, and
//!                                                its finish_call sends Command::CallFinished to the loop
//! ```
//!
//! The epoch names one period of ownership. A thread compares its own epoch with the current one when its handler
//! returns, and so finds out that it has lost the loop. All progress is in the loop, so no thread is special. The two
//! ways to lose a loop, the threads and the end are in `threads` and `life`: the path of a call does not need them.

use std::sync::Arc;

use super::commands::{Command, CommandQueue};
use super::event_loop::EventLoop;
use super::life::{Ended, LastCounters, ShutdownSignal};
use super::threads::{Pace, SlowCalls, SlowMethods, ThreadPool, detach};
use crate::error::Reason;
use crate::ids::Time;
use crate::limits::WATCH_TICK;
use crate::net::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::net::sync::{Instant, Mutex, MutexGuard, PoisonError};
use crate::proto::server::{CallKey, Caller, ReadyCall, copied};
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
    /// The call that the owner ran last, or runs now.
    pub(super) running: Option<CallKey>,
    /// The last even stamp; the stamp of a running handler is one more.
    pub(super) stamps: u64,
    /// The calls that run without the loop, each on a thread that has lost it.
    pub(super) slow: SlowCalls,
    /// The threads of the loop.
    pub(super) threads: ThreadPool,
    /// The result of the loop, once it has ended.
    pub(super) ended: Option<Ended>,
    /// The newest counters that are known.
    pub(super) last_counters: LastCounters,
}

/// The loop, held by its owner. There is at most one for a loop.
pub(super) struct OwnedLoop {
    /// The loop.
    pub(super) event_loop: Box<EventLoop>,
    /// The epoch of this ownership.
    pub(super) epoch: u64,
}

/// The loop as the thread sees it that has parked it: the calls of one turn, one after the other.
pub(super) struct ParkedLoop<'a> {
    /// The loop and its threads.
    owner: &'a Arc<LoopOwner>,
    /// The epoch in which this thread owned the loop.
    epoch: u64,
    /// The call that runs. It is filled in place: a call is large enough that moving it costs time.
    call: Option<ReadyCall>,
    /// True if the run of that call is to be noted when it was quick, since an earlier one of its method was late.
    is_noted: bool,
    /// The stage of the turn.
    stage: Stage<'a>,
}

/// The stage of a turn, for the thread that has parked the loop.
pub(super) enum Stage<'a> {
    /// Between two calls. The lock is held from the end of one call to the begin of the next: one critical section.
    Between(MutexGuard<'a, Inner>),
    /// A call runs. The loop is parked, and the watcher takes it if the call is slow.
    Runs,
    /// A call of a slow method runs since this time. Another thread has the loop already.
    RunsDetached(Instant),
    /// No call is left, or the sockets must be polled: this thread has the loop again.
    Over(OwnedLoop),
    /// Another thread has the loop, or it has ended.
    Lost,
}

impl LoopOwner {
    /// Returns the owner of `event_loop`, parked and without threads: `threads::start` starts them.
    pub(super) fn new(
        event_loop: EventLoop,
        commands: Arc<CommandQueue>,
        methods: Arc<SlowMethods>,
        dispatch_env: Arc<DispatchEnv>,
        max_threads: usize,
        number: usize,
        shutdown: Arc<ShutdownSignal>,
    ) -> Self {
        let inner = Inner {
            parked_loop: Some(Box::new(event_loop)),
            epoch: 0,
            running: None,
            stamps: 0,
            slow: SlowCalls::new(max_threads),
            threads: ThreadPool::default(),
            ended: None,
            last_counters: LastCounters::default(),
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
            number,
        }
    }

    /// Locks the state. A panic under this lock is a defect of this library and ends the loop (see `threads::work`): a state
    /// that is half changed is not used again, so a poisoned lock is safe to use.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parks the loop: this thread runs the calls of the turn, and other threads can take the loop meanwhile.
    pub(super) fn park(self: &Arc<Self>, owned: OwnedLoop) -> ParkedLoop<'_> {
        let OwnedLoop { event_loop, epoch } = owned;
        self.turns.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.lock();
        if inner.ended.is_some() {
            // First: dropping the loop closes its sockets, which must not happen under the lock.
            drop(inner);
            return ParkedLoop { owner: self, epoch, call: None, is_noted: false, stage: Stage::Lost };
        }
        debug_assert!(inner.parked_loop.is_none() && inner.epoch == epoch, "a loop has one owner");
        inner.parked_loop = Some(event_loop);
        // It sleeps while no call runs. From here on the watcher must see how long one takes.
        inner.threads.wake_watcher();
        ParkedLoop { owner: self, epoch, call: None, is_noted: false, stage: Stage::Between(inner) }
    }

    /// Takes the parked loop, for a thread that was given the task to drive it.
    pub(super) fn take_parked(&self) -> Option<OwnedLoop> {
        let mut inner = self.lock();
        let epoch = inner.epoch;
        inner.parked_loop.take().map(|event_loop| OwnedLoop { event_loop, epoch })
    }
}

impl ParkedLoop<'_> {
    /// Takes the next call of the turn. Returns `None` once this thread has the loop again, or has lost it.
    ///
    /// A call of a method that is known to be slow is detached: the loop goes to another thread before the call runs.
    pub(super) fn next_call(&mut self) -> Option<&ReadyCall> {
        let owner = self.owner;
        while let Stage::Between(inner) = &mut self.stage {
            self.call = match &mut inner.parked_loop {
                Some(event_loop) if !owner.yield_requested.load(Ordering::Relaxed) => event_loop.poll_call(),
                _ => None,
            };
            let Some(call) = &self.call else {
                owner.stamp.store(inner.stamps, Ordering::Relaxed);
                owner.yield_requested.store(false, Ordering::Relaxed);
                let event_loop = inner.parked_loop.take();
                let owned = event_loop.map(|event_loop| OwnedLoop { event_loop, epoch: self.epoch });
                self.stage = owned.map_or(Stage::Lost, Stage::Over); // unlocks
                return None;
            };
            if inner.slow.are_crowded() && !inner.slow.may_run(&inner.caller(call.key)) {
                inner.refuse_busy(call.key);
                continue;
            }
            let pace = owner.methods.pace(&call.entry);
            if pace != Pace::Slow {
                inner.stamps += 2;
                owner.stamp.store(inner.stamps + 1, Ordering::Relaxed);
                inner.running = Some(call.key);
                self.is_noted = pace == Pace::Doubtful;
                self.stage = Stage::Runs; // unlocks
                return self.call.as_ref();
            }
            let Stage::Between(inner) = std::mem::replace(&mut self.stage, Stage::Lost) else { break };
            self.stage = detach(owner, inner, self.epoch, call.key);
            if matches!(self.stage, Stage::RunsDetached(_)) {
                if let Some(call) = &mut self.call {
                    call.body = copied(std::mem::take(&mut call.body)); // it may hold them for long
                }
                return self.call.as_ref();
            }
        }
        None
    }

    /// Finishes the run of a call, with the reply that `dispatch` has written. Without a status the call goes on, and no thread
    /// holds it.
    pub(super) fn finish_call(&mut self, status: Option<Status>, reply: &mut Vec<u8>) {
        let Some(ReadyCall { key, entry, .. }) = &self.call else { return }; // `next_call` has set it
        let key = *key;
        if let Stage::RunsDetached(since) = self.stage {
            self.owner.methods.record_run(entry, since.elapsed() >= WATCH_TICK);
        }
        // Frees the arguments before the lock is taken.
        self.call = None;
        let mut guard = self.owner.lock();
        let inner = &mut *guard;
        match inner.parked_loop.as_mut().filter(|_| inner.epoch == self.epoch) {
            Some(event_loop) => {
                if let Some(entry) = self.is_noted.then(|| event_loop.core.entry(key)).flatten() {
                    self.owner.methods.record_run(&entry, false);
                }
                match status {
                    Some(status) => event_loop.core.finish(key, status, reply, event_loop.now),
                    None => event_loop.core.hold(key, event_loop.now),
                }
                self.stage = Stage::Between(guard);
            }
            None => {
                self.stage = Stage::Lost;
                // Before the reply is sent: a client that has it may call again, and finds this thread free.
                inner.slow.remove(self.epoch);
                drop(guard);
                let Some(status) = status else { return self.owner.commands.push(Command::CallHeld(key)) };
                let body = std::mem::take(reply);
                self.owner.commands.push(Command::CallFinished { key, status, body });
            }
        }
    }

    /// Returns the loop, if this thread has it again.
    pub(super) fn take_back(self) -> Option<OwnedLoop> {
        debug_assert!(matches!(self.stage, Stage::Over(_) | Stage::Lost), "all calls of the turn have run");
        match self.stage {
            Stage::Over(owned) => Some(owned),
            _ => None,
        }
    }
}

impl Inner {
    /// Takes the loop from the owner of this epoch: its handler is a slow call from now on. `since` is the time of the turn
    /// in which the call began, `was_late` true if it was found slow while it ran.
    pub(super) fn release_loop(&mut self, epoch: u64, since: Time, caller: Option<Caller>, was_late: bool) {
        self.epoch += 1;
        self.slow.add(epoch, since, caller, was_late);
        self.check();
    }

    /// Returns the time of the turn of the parked loop.
    pub(super) fn time_of_turn(&self) -> Time {
        self.parked_loop.as_ref().map_or(Time::default(), |event_loop| event_loop.now)
    }

    /// Returns the session of a call that the parked loop has given out, and its source.
    pub(super) fn caller(&self, key: CallKey) -> Caller {
        let source = self.parked_loop.as_ref().and_then(|event_loop| event_loop.core.source(key));
        Caller::new(key, source)
    }

    /// Refuses a call for which there is no thread.
    pub(super) fn refuse_busy(&mut self, key: CallKey) {
        if let Some(event_loop) = &mut self.parked_loop {
            event_loop.core.finish(key, Status::Refused(Reason::Busy), b"", event_loop.now);
        }
    }

    /// Asserts what holds after every change of ownership.
    pub(super) fn check(&self) {
        debug_assert!(self.ended.is_none() || self.parked_loop.is_none(), "a loop that has ended is closed");
        debug_assert!(self.slow.are_before(self.epoch), "a slow call does not own the loop");
    }
}
