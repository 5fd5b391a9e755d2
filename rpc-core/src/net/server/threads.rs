//! Layer 4: the threads of one loop: the owner, the watcher, idle threads, and threads with slow handlers.
//!
//! ```text
//!                    .--------- Task::DriveLoop: take_parked, serve <---------.
//!                    |                                                        |
//!   start_thread --> work                                                 next_task --> idle --> end (SPARE_IDLE is over)
//!                    |                                                        |
//!                    '--------- Task::Watch: watch, take_over, serve <--------'
//! ```
//! There is at most one watcher. It becomes the owner when it takes the loop from a slow handler, and requests another
//! watcher first. A thread that has lost the loop ends its handler and asks for its next task.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::error::ServeError;
use super::loop_owner::{LoopOwner, OwnedLoop};
use super::runner;
use crate::limits::{SPARE_IDLE, SPARES_KEPT, WATCH_QUIET_TICKS, WATCH_TICK};
use crate::log;
use crate::net::sync::Instant;
use crate::net::sync::atomic::Ordering;
use crate::net::sync::thread::{self, Thread, ThreadId};
use crate::panics::{contain, panic_text};

/// A task for a thread of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Take the parked loop, and drive it.
    DriveLoop,
    /// Watch the owner of the loop, and take the loop if its handler is slow.
    Watch,
}

/// The thread that was chosen for a task.
pub(super) enum Chosen {
    /// An idle thread, to be woken after the lock is released.
    Idle(Thread),
    /// A new thread, to be started after the lock is released.
    New,
}

/// The threads of a loop that run no handler, and the count of all.
#[derive(Debug, Default)]
pub(super) struct ThreadPool {
    /// The idle threads with their tickets. The newest one gets the next task, so that the others can end.
    idle: Vec<(u64, Thread)>,
    /// The tasks of threads that are no longer idle and have not taken them yet.
    tasks: Vec<(u64, Task)>,
    /// The ticket of the thread that became idle last.
    last_ticket: u64,
    /// The state of the watcher.
    watcher: Watcher,
    /// All threads of the loop, those in handlers included.
    pub(super) alive: usize,
    /// The threads of the loop that have begun, so that none of them waits for the end of the server, and so for itself.
    pub(super) members: Vec<ThreadId>,
}

/// The state of a loop's watcher.
#[derive(Debug, Default)]
enum Watcher {
    /// No thread watches: the next thread without a task does.
    #[default]
    Missing,
    /// A thread watches, or was chosen to.
    Awake,
    /// The watcher sleeps, since the loop was idle. The owner wakes it before it runs a call.
    Asleep(Thread),
}

impl ThreadPool {
    /// Chooses a thread for a task. A new thread counts as alive from here on.
    pub(super) fn request(&mut self, task: Task) -> Chosen {
        if task == Task::Watch {
            debug_assert!(matches!(self.watcher, Watcher::Missing), "a loop has at most one watcher");
            self.watcher = Watcher::Awake;
        }
        let chosen = match self.idle.pop() {
            Some((ticket, thread)) => {
                self.tasks.push((ticket, task));
                Chosen::Idle(thread)
            }
            None => {
                self.alive += 1;
                Chosen::New
            }
        };
        self.check();
        chosen
    }

    /// Returns the watcher if it sleeps: the caller must wake it, since calls begin to run.
    pub(super) fn wake_watcher(&mut self) -> Option<Thread> {
        if !matches!(self.watcher, Watcher::Asleep(_)) {
            return None;
        }
        match std::mem::replace(&mut self.watcher, Watcher::Awake) {
            Watcher::Asleep(thread) => Some(thread),
            Watcher::Missing | Watcher::Awake => None,
        }
    }

    /// Notes that no thread watches any more.
    pub(super) fn watcher_leaves(&mut self) {
        self.watcher = Watcher::Missing;
    }

    /// Returns all threads that sleep, to be woken for the last time.
    pub(super) fn shut_down(&mut self) -> Vec<Thread> {
        let watcher = self.wake_watcher();
        self.idle.drain(..).map(|(_, thread)| thread).chain(watcher).collect()
    }

    /// Takes the task of the thread with this ticket.
    fn take_task(&mut self, ticket: u64) -> Option<Task> {
        let at = self.tasks.iter().position(|(of, _)| *of == ticket)?;
        Some(self.tasks.swap_remove(at).1)
    }

    /// Asserts what holds after every change of the lists.
    fn check(&self) {
        let is_idle = |ticket: &u64| self.idle.iter().any(|(idle, _)| idle == ticket);
        debug_assert!(
            !self.tasks.iter().any(|(ticket, _)| is_idle(ticket)),
            "a thread with a task is not idle"
        );
        debug_assert!(self.idle.len() + self.tasks.len() <= self.alive, "an idle thread is alive");
    }
}

impl LoopOwner {
    /// Starts the loop: one thread to drive it, and one to watch.
    pub(super) fn start(self: &Arc<Self>) -> io::Result<()> {
        // The watcher first: a thread that finds no watcher becomes one, and there must be at most one.
        for task in [Task::Watch, Task::DriveLoop] {
            let _ = self.lock().threads.request(task); // no thread is idle yet, so a new one is started
            self.start_thread(task)?;
        }
        Ok(())
    }

    /// Starts the new thread that [`ThreadPool::request`] has counted.
    pub(super) fn start_thread(self: &Arc<Self>, task: Task) -> io::Result<()> {
        let owner = Arc::clone(self);
        let name = format!("rpc-loop-{}", self.number);
        let started = thread::Builder::new().name(name).spawn(move || owner.work(task));
        if let Err(error) = &started {
            self.thread_ended(task);
            log::warn!(%error, "cannot start a thread");
        }
        started.map(|_| ())
    }

    /// Notes that a thread has ended, or could not be started for this task.
    fn thread_ended(&self, task: Task) {
        let mut inner = self.lock();
        inner.threads.alive -= 1;
        if task == Task::Watch {
            inner.threads.watcher_leaves(); // the next thread without a task becomes the watcher
        }
        drop(inner);
        self.shutdown.notify();
    }

    /// The main function of a thread: it does its first task, and then one task after another until it may end.
    fn work(self: Arc<Self>, first: Task) {
        let me = thread::current().id();
        self.lock().threads.members.push(me);
        let lived = catch_unwind(AssertUnwindSafe(|| {
            let mut reply = Vec::new(); // one buffer for all replies of this thread
            let mut next = Some(first);
            while let Some(task) = next {
                let owned = match task {
                    Task::DriveLoop => self.take_parked(),
                    Task::Watch => self.watch(),
                };
                if let Some(owned) = owned {
                    runner::serve(&self, owned, &mut reply);
                }
                next = self.next_task();
            }
        }));
        if let Err(panic) = lived {
            contain(|| self.end(None, Some(ServeError::Failed(panic_text(panic)))));
        }
        self.lock().threads.members.retain(|member| *member != me);
        self.thread_ended(Task::DriveLoop);
    }

    /// Waits for the next task of this thread. Returns `None` if the thread must end.
    fn next_task(&self) -> Option<Task> {
        let mut inner = self.lock();
        // A watcher that became the owner may have found no thread for its place: this thread takes it.
        if matches!(inner.threads.watcher, Watcher::Missing) && inner.ended.is_none() {
            inner.threads.watcher = Watcher::Awake;
            return Some(Task::Watch);
        }
        inner.threads.last_ticket += 1;
        let ticket = inner.threads.last_ticket;
        inner.threads.idle.push((ticket, thread::current()));
        let mut idle_since = Instant::now();
        loop {
            // First of all, since a thread that was chosen for a task must not end.
            if let Some(task) = inner.threads.take_task(ticket) {
                return Some(task);
            }
            let idle = idle_since.elapsed() >= SPARE_IDLE;
            if inner.ended.is_some() || (idle && inner.threads.idle.len() > SPARES_KEPT) {
                inner.threads.idle.retain(|(of, _)| *of != ticket);
                return None;
            }
            if idle {
                // It is one of the few that are kept: it sleeps for another period.
                idle_since = Instant::now();
            }
            // An unpark between the unlock and the park is not lost: the park returns at once.
            drop(inner);
            thread::park_timeout(SPARE_IDLE);
            inner = self.lock();
        }
    }

    /// Watches until a handler is slow, and then takes the loop. Returns `None` if the loop has ended.
    ///
    /// Each tick reads two counters, without a lock and without a clock. If two ticks in a row read the same odd stamp, one
    /// handler has run for at least a tick: it is slow. If the stamp differs and the turn is the same, the owner runs many
    /// quick calls and does not poll its sockets meanwhile, so the watcher requests that it does.
    fn watch(self: &Arc<Self>) -> Option<OwnedLoop> {
        let mut last = (0, 0);
        let mut quiet = 0;
        loop {
            if quiet >= WATCH_QUIET_TICKS {
                self.sleep_until_calls_run();
                quiet = 0;
            } else {
                park_for_a_tick();
            }
            let (stamp, turn) = (self.stamp.load(Ordering::Relaxed), self.turns.load(Ordering::Relaxed));
            let runs = stamp % 2 == 1;
            if (stamp, runs) == (last.0, true) {
                if let Some(owned) = self.take_over(stamp) {
                    return Some(owned);
                }
            } else if runs && turn == last.1 {
                self.yield_requested.store(true, Ordering::Relaxed);
            }
            // After some ticks without a call the watcher sleeps without a timer.
            quiet = if runs || stamp != last.0 { 0 } else { quiet + 1 };
            last = (stamp, turn);
            if self.lock().ended.is_some() {
                return None;
            }
        }
    }

    /// Sleeps without a timer until the owner runs calls, unless it runs one now. An idle server has no periodic wake-up.
    fn sleep_until_calls_run(&self) {
        let mut inner = self.lock();
        if inner.ended.is_some() || self.stamp.load(Ordering::Relaxed) % 2 == 1 {
            return;
        }
        // Set under the lock under which `begin_turn` checks it, so that the owner cannot miss a sleeping watcher.
        inner.threads.watcher = Watcher::Asleep(thread::current());
        while matches!(inner.threads.watcher, Watcher::Asleep(_)) {
            drop(inner);
            thread::park();
            inner = self.lock();
        }
    }
}

/// Parks for one tick, however often this thread is unparked meanwhile: a shorter tick would take a quick handler for slow.
fn park_for_a_tick() {
    let began = Instant::now();
    while let Some(left) = WATCH_TICK.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}
