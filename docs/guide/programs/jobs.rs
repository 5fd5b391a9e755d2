//! The service of the guide: a queue of jobs.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rpc_core::{CallContext, rpc};
use serde::{Deserialize, Serialize};

/// A piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its name, for people.
    pub name: String,
    /// Jobs with a higher priority are taken first.
    pub priority: u32,
}

/// An error of the queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum QueueError {
    /// The queue holds as many jobs as it may.
    Full,
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QueueError::Full => f.write_str("the queue is full"),
        }
    }
}

impl std::error::Error for QueueError {}

/// A queue of jobs.
#[rpc]
pub trait Jobs {
    /// Puts a job into the queue, and returns its number.
    fn enqueue(&self, job: Job) -> Result<u64, QueueError>;

    /// Takes the next job out of the queue, with its number.
    fn take(&self) -> Option<(u64, Job)>;

    /// Returns the number of jobs in the queue.
    #[rpc(idempotent)]
    fn waiting(&self) -> u64;

    /// Waits until the queue holds a job, and returns true; false if the caller no longer waits.
    #[rpc(idempotent, slow, deadline = "30s")]
    fn wait(&self, cx: &CallContext) -> bool;
}

/// The most jobs in a [`Queue`].
const MOST: usize = 1000;

/// The implementation of [`Jobs`]: all state is behind a lock, since handlers run on several threads.
#[derive(Debug, Default)]
pub struct Queue {
    /// The jobs, and the number of the next one.
    state: Mutex<(VecDeque<(u64, Job)>, u64)>,
}

impl Queue {
    /// Locks the state. Each change is complete when a panic can happen, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, (VecDeque<(u64, Job)>, u64)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Jobs for Queue {
    fn enqueue(&self, job: Job) -> Result<u64, QueueError> {
        let (jobs, next) = &mut *self.lock();
        if jobs.len() >= MOST {
            return Err(QueueError::Full);
        }
        *next += 1;
        let behind = jobs.iter().position(|(_, other)| other.priority < job.priority);
        jobs.insert(behind.unwrap_or(jobs.len()), (*next, job));
        Ok(*next)
    }

    fn take(&self) -> Option<(u64, Job)> {
        self.lock().0.pop_front()
    }

    fn waiting(&self) -> u64 {
        self.lock().0.len() as u64
    }

    fn wait(&self, cx: &CallContext) -> bool {
        while !cx.is_cancelled() {
            if self.waiting() > 0 {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }
}
