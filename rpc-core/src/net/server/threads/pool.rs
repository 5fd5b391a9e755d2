//! Layer 4: the lists of a loop's threads that run no handler, under the lock of the loop's owner.
//!
//! ```text
//!  a task for a thread:   an idle thread? --> request: it leaves `idle`, its task is in `tasks` --> take_task
//!                         none            --> request: a new thread counts as alive, and is started outside the lock
//!
//!  the watcher:   MISSING --- request(Task::Watch), or a thread without a task ---> AWAKE --- quiet ---> ASLEEP
//!                    ^------- watcher_leaves: it becomes the owner, or ends -------'  ^--- wake_watcher ---'
//! ```

use crate::net::sync::thread::Thread;

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

    /// Returns the watcher if it sleeps: the caller must wake it, since calls begin to run.
    pub(in crate::net::server) fn wake_watcher(&mut self) -> Option<Thread> {
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
    pub(in crate::net::server) fn shut_down(&mut self) -> Vec<Thread> {
        let watcher = self.wake_watcher();
        self.idle.drain(..).map(|(_, thread)| thread).chain(watcher).collect()
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
