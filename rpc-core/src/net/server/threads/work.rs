//! Layer 4: the life of a loop's thread: it is started, does one task after another, sleeps, and ends.
//!
//! A thread has no fixed role. It drives the loop, watches, runs a slow handler after it has lost the loop, or is idle.
//!
//! ```text
//!  work:  task --> take_parked / watch --> serve --> next_task --> ... --> None: the thread ends
//!                                            '--- panics: a defect of this library; the loop ends, callers get 'unknown'
//! ```
//! The newest idle thread gets the next task, since its stack and its buffers are warm. The others can end after
//! `SPARE_IDLE`; a few are kept, since it costs more to start a thread than to wake one.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::pool::{Chosen, Task, Watcher};
use super::watcher::watch;
use crate::limits::{SPARE_IDLE, SPARES_KEPT, THREAD_ROOM};
use crate::log;
use crate::net::server::error::ServeError;
use crate::net::server::life::end;
use crate::net::server::loop_owner::LoopOwner;
use crate::net::server::runner;
use crate::net::sync::Instant;
use crate::net::sync::thread;
use crate::panics::{contain, panic_text};

/// Starts the loop: one thread to drive it, and one to watch.
pub(in crate::net::server) fn start(owner: &Arc<LoopOwner>) -> io::Result<()> {
    // The watcher first: a thread that finds no watcher becomes one, and there must be at most one.
    for task in [Task::Watch, Task::DriveLoop] {
        // No thread is idle yet, so a new one is chosen.
        let _ = owner.lock().threads.request(task);
        start_thread(owner, task)?;
    }
    Ok(())
}

/// Starts the new thread that [`ThreadPool::request`] has counted.
fn start_thread(owner: &Arc<LoopOwner>, task: Task) -> io::Result<()> {
    let name = format!("rpc-loop-{}", owner.number);
    // Dropped in this order: the thread has let the services and the store go before it is counted as gone.
    let (holder, of_thread) = (owner.shutdown.hold(), Arc::clone(owner));
    let usual = thread::Builder::new().name(name);
    let stack = owner.dispatch_env.bounds.nesting.stack();
    let builder = match stack {
        Some(bytes) => usual.stack_size(bytes),
        None => usual,
    };
    let room = check_room(stack.unwrap_or(0));
    let started = room.and_then(|()| {
        builder.spawn(move || {
            work(&of_thread, task);
            drop(of_thread);
            drop(holder);
        })
    });
    if let Err(error) = &started {
        thread_ended(owner, task);
        log::warn!(%error, "cannot start a thread");
    }
    started.map(|_| ())
}

/// Returns an error if too little memory would be left for the other threads beside one more with this stack. The memory is
/// asked for and given back untouched, so that it takes address space for a moment and nothing else.
fn check_room(stack: usize) -> io::Result<()> {
    let mut room = Vec::<u8>::new();
    let has_room = room.try_reserve_exact(THREAD_ROOM.saturating_add(stack)).is_ok();
    std::hint::black_box(&mut room); // or the compiler leaves out an allocation that nothing uses, and takes it for made
    let error = || io::Error::new(io::ErrorKind::OutOfMemory, "too little memory is left for one more");
    has_room.then_some(()).ok_or_else(error)
}

/// Notes that a thread has ended, or could not be started for this task.
fn thread_ended(owner: &LoopOwner, task: Task) {
    let mut inner = owner.lock();
    inner.threads.alive -= 1;
    if task == Task::Watch {
        // The next thread without a task becomes the watcher.
        inner.threads.watcher_leaves();
    }
    drop(inner);
    owner.shutdown.notify();
}

/// The main function of a thread: it does its first task, and then one task after another until it may end.
fn work(owner: &Arc<LoopOwner>, first: Task) {
    let me = thread::current().id();
    owner.lock().threads.members.push(me);
    let lived = catch_unwind(AssertUnwindSafe(|| {
        // One buffer for all replies of this thread.
        let mut reply = Vec::new();
        let mut next = Some(first);
        while let Some(task) = next {
            let owned = match task {
                Task::DriveLoop => owner.take_parked(),
                Task::Watch => watch(owner),
            };
            if let Some(owned) = owned {
                runner::serve(owner, owned, &mut reply);
            }
            next = next_task(owner);
        }
    }));
    if let Err(panic) = lived {
        contain(|| end(owner, None, Some(ServeError::Failed(panic_text(panic)))));
    }
    owner.lock().threads.members.retain(|member| *member != me);
    thread_ended(owner, Task::DriveLoop);
}

/// Waits for the next task of this thread. Returns `None` if the thread must end.
fn next_task(owner: &LoopOwner) -> Option<Task> {
    let mut inner = owner.lock();
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
        inner = owner.lock();
    }
}

/// Wakes the chosen thread, or starts it. Returns true if there is such a thread.
pub(super) fn wake_or_spawn(owner: &Arc<LoopOwner>, chosen: Chosen, task: Task) -> bool {
    match chosen {
        Chosen::Idle(thread) => {
            thread.unpark();
            true
        }
        Chosen::New => start_thread(owner, task).is_ok(),
    }
}
