//! Exercise 10: a pool of threads that run jobs.
//!
//! A server does not start a thread for each call: it has a fixed number of threads, and a queue of jobs. Write three functions:
//! * `submit` puts a job into the queue and returns true. When the pool was stopped, it returns false, and the job does not run.
//! * `work` is what each thread of the pool does: it waits for a job, runs it, and takes the next one. It returns when the pool was stopped
//!   and no job is left.
//! * `stop` stops the pool. The jobs that wait still run.
//!
//! A job takes its time, and may submit another job. So it does not run while the lock is held.
//!
//! `Mutex` and `Condvar` are those of exercise 8. The judge tries schedules of the threads. `cargo run -p rpc-course -- check 10`

use std::collections::VecDeque;

use rpc_course::pool::{Job, Pool};
use rpc_course::threads::{Condvar, Mutex};

/// The state of the pool. Change it as you like.
#[derive(Default)]
struct State {
    /// The jobs that wait.
    jobs: VecDeque<Job>,
    is_stopped: bool,
}

/// The pool.
#[derive(Default)]
pub struct Mine {
    state: Mutex<State>,
    /// Signals that there is a job, or that the pool was stopped.
    #[allow(dead_code, reason = "the hole needs it")]
    changed: Condvar,
}

impl Pool for Mine {
    // ---- Your part begins here.
    fn submit(&self, job: Job) -> bool {
        let mut state = self.state.lock();
        if state.is_stopped {
            return false;
        }
        state.jobs.push_back(job);
        self.changed.notify_one();
        true
    }

    fn work(&self) {
        loop {
            let mut state = self.state.lock();
            while state.jobs.is_empty() && !state.is_stopped {
                state = self.changed.wait(state);
            }
            let Some(job) = state.jobs.pop_front() else { return };
            drop(state);
            job();
        }
    }

    fn stop(&self) {
        self.state.lock().is_stopped = true;
        self.changed.notify_all();
    }
    // ---- Your part ends here.
}
