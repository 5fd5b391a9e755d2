//! An executor: it runs many tasks on few threads. The kernel chooses which thread runs; the executor chooses which task
//! the thread runs. A task that waits is a value in memory, and no thread.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// The rest of a function with `await` in it: the compiler makes a value of its variables and of the place at which it goes
/// on. `poll` lets it run to its next wait.
type Rest = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The tasks that can go on, first come first served, and the threads that run them.
#[derive(Default)]
pub(crate) struct Executor {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    ready: VecDeque<Arc<Task>>,
    /// Tasks that have not ended: those that are ready, that run, and that wait.
    unfinished: usize,
}

/// A task. While it waits, only its waker has it: nothing looks at it until it is woken.
struct Task {
    /// `None` once it has ended. The lock is free unless a thread polls it.
    rest: Mutex<Option<Rest>>,
    /// True from a wake-up until the next poll, so that two wake-ups put it into the queue once.
    is_queued: AtomicBool,
    executor: Arc<Executor>,
}

impl Executor {
    /// Returns an executor without tasks.
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds a task. It begins when a thread is free: Go's `go f()`.
    pub(crate) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let task = Arc::new(Task {
            rest: Mutex::new(Some(Box::pin(task))),
            is_queued: AtomicBool::new(false),
            executor: Arc::clone(self),
        });
        self.lock().unfinished += 1;
        task.wake();
    }

    /// Runs tasks on this thread until all have ended. Any number of threads may call it.
    pub(crate) fn run(&self) {
        while let Some(task) = self.next() {
            task.is_queued.store(false, Ordering::SeqCst); // from here on a wake-up means another poll
            let waker = Waker::from(Arc::clone(&task));
            let mut rest = lock(&task.rest); // of a task that is woken while it runs, another thread waits here for a moment
            let Some(running) = rest.as_mut() else { continue };
            // The switch to a task: a call. The switch back: its return.
            if let Poll::Ready(()) = running.as_mut().poll(&mut Context::from_waker(&waker)) {
                *rest = None;
                self.ended();
            }
        }
    }

    /// Returns the next task that can go on, and waits for one. `None`: all have ended.
    fn next(&self) -> Option<Arc<Task>> {
        let mut queue = self.lock();
        loop {
            if let Some(task) = queue.ready.pop_front() {
                return Some(task);
            }
            if queue.unfinished == 0 {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn ended(&self) {
        let mut queue = self.lock();
        queue.unfinished -= 1;
        if queue.unfinished == 0 {
            self.changed.notify_all(); // the threads that wait for a task end as well
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }
}

/// Waking a task puts it into the queue. It is called by whatever the task waits for: a timer, a socket, another task.
impl Wake for Task {
    fn wake(self: Arc<Self>) {
        if !self.is_queued.swap(true, Ordering::SeqCst) {
            let executor = Arc::clone(&self.executor);
            executor.lock().ready.push_back(self);
            executor.changed.notify_one();
        }
    }
}

/// Each change under these locks is one step, so a panic of another thread leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
