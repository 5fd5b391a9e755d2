//! Layer 4: the lists of a loop's threads that run no handler, under the lock of the loop's owner.
//!
//! ```text
//!  a task for a thread:   an idle thread? --> request: it leaves `idle`, its task is in `tasks` --> take_task
//!                         none            --> request: a new thread counts as alive, and is started outside the lock
//!
//!  the watcher:   MISSING --- request(Task::Watch), or a thread without a task ---> AWAKE --- quiet ---> ASLEEP
//!                    ^------- watcher_leaves: it becomes the owner, or ends -------'  ^--- wake_watcher ---'
//! ```

use crate::net::sync::thread::{Thread, ThreadId};

/// A task for a thread of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net::server) enum Task {
    /// Take the parked loop, and drive it.
    DriveLoop,
    /// Watch the owner of the loop, and take the loop if its handler is slow.
    Watch,
}

/// The thread that was chosen for a task.
pub(in crate::net::server) enum Chosen {
    /// An idle thread, to be woken after the lock is released.
    Idle(Thread),
    /// A new thread, to be started after the lock is released.
    New,
}

/// The threads of a loop that run no handler, and the count of all.
#[derive(Debug, Default)]
pub(in crate::net::server) struct ThreadPool {
    /// The idle threads with their tickets. The newest one gets the next task, so that the others can end.
    pub(super) idle: Vec<(u64, Thread)>,
    /// The tasks of threads that are no longer idle and have not taken them yet.
    tasks: Vec<(u64, Task)>,
    /// The ticket of the thread that became idle last.
    pub(super) last_ticket: u64,
    /// The state of the watcher.
    pub(super) watcher: Watcher,
    /// All threads of the loop, those in handlers included.
    pub(in crate::net::server) alive: usize,
    /// The threads of the loop that have begun, so that none of them waits for the end of the server, and so for itself.
    pub(in crate::net::server) members: Vec<ThreadId>,
}

/// The state of a loop's watcher.
#[derive(Debug, Default)]
pub(super) enum Watcher {
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

    /// Wakes the watcher if it sleeps, since calls begin to run or the loop has ended.
    ///
    /// It is woken in the same step in which it is no longer listed as asleep: if the caller had to do that later and
    /// panicked before, the watcher would sleep for ever, and no list would name it.
    pub(in crate::net::server) fn wake_watcher(&mut self) {
        if !matches!(self.watcher, Watcher::Asleep(_)) {
            return;
        }
        if let Watcher::Asleep(thread) = std::mem::replace(&mut self.watcher, Watcher::Awake) {
            thread.unpark();
        }
    }

    /// Notes that no thread watches any more.
    pub(super) fn watcher_leaves(&mut self) {
        self.watcher = Watcher::Missing;
    }

    /// Wakes all threads that sleep for the last time, since the loop has ended.
    pub(in crate::net::server) fn shut_down(&mut self) {
        self.wake_watcher();
        self.idle.drain(..).for_each(|(_, thread)| thread.unpark());
    }

    /// Takes the task of the thread with this ticket.
    pub(super) fn take_task(&mut self, ticket: u64) -> Option<Task> {
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// The longest wait: a test that hangs fails.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// Lists a thread that sleeps, lets `wake` run, and returns true if that wakes the thread.
    fn is_woken(list: impl FnOnce(&mut ThreadPool, Thread), wake: impl FnOnce(&mut ThreadPool)) -> bool {
        let ((lists, listed), (wakes, woken)) = (mpsc::channel(), mpsc::channel());
        thread::spawn(move || {
            let _ = lists.send(thread::current());
            thread::park();
            let _ = wakes.send(());
        });
        let mut pool = ThreadPool { alive: 1, ..ThreadPool::default() };
        list(&mut pool, listed.recv_timeout(PATIENCE).expect("it begins"));
        wake(&mut pool);
        woken.recv_timeout(PATIENCE).is_ok()
    }

    #[test]
    fn v11_a_thread_that_is_no_longer_listed_as_asleep_has_been_woken() {
        let asleep = |pool: &mut ThreadPool, thread| pool.watcher = Watcher::Asleep(thread);
        let idle = |pool: &mut ThreadPool, thread| pool.idle.push((1, thread));
        // Nothing but these calls: a caller that panics right after them leaves no thread asleep.
        assert!(is_woken(asleep, ThreadPool::wake_watcher), "calls begin to run");
        assert!(is_woken(asleep, ThreadPool::shut_down), "the loop has ended");
        assert!(is_woken(idle, ThreadPool::shut_down), "the loop has ended");
    }
}
