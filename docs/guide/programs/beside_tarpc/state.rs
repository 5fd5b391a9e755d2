//! The state of both programs: a queue of jobs, without any remote calls.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A piece of work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Its name, for people.
    pub name: String,
    /// The time that it takes, in milliseconds.
    pub takes: u64,
}

/// An error of the queue.
#[derive(Clone, Debug, Error, Serialize, Deserialize)]
pub enum QueueError {
    /// The queue holds as many jobs as it may.
    #[error("the queue is full: it holds {0} jobs")]
    Full(usize),
}

/// The most jobs of a [`State`]: few, so that one can see the error.
const MOST: usize = 3;

/// The jobs that wait, and the number of the last one.
#[derive(Debug, Default)]
pub(crate) struct State(Mutex<(VecDeque<Job>, u64)>);

impl State {
    /// Locks the state. Each change is complete before a panic can happen, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, (VecDeque<Job>, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a job into the queue, and returns its number.
    ///
    /// # Errors
    /// Returns an error if the queue is full.
    pub(crate) fn enqueue(&self, job: Job) -> Result<u64, QueueError> {
        let (jobs, last) = &mut *self.lock();
        if jobs.len() >= MOST {
            return Err(QueueError::Full(jobs.len()));
        }
        *last += 1;
        jobs.push_back(job);
        Ok(*last)
    }

    /// Takes the next job out of the queue.
    ///
    /// # Panics
    /// Panics if the queue is empty: a defect, to show what a caller sees of it.
    pub(crate) fn take(&self) -> Job {
        self.lock().0.pop_front().expect("the queue has a job")
    }
}
