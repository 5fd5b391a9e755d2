//! Exercise 8: a wait group.
//!
//! A program has started some tasks, each in a thread of its own, and wants to go on when all of them have ended. Go has
//! `sync.WaitGroup` for that. Write one, from a count behind a lock and a condition variable:
//! * `add` adds to the count.
//! * `done` takes one off, and wakes the threads that wait if nothing is left.
//! * `wait` returns when the count is zero. More than one thread may wait.
//!
//! `self.count.lock()` gives the count: `*count += 1`. `count = self.ended.wait(count)` releases the lock, waits for a signal, and takes the
//! lock again. A thread may wake up without a signal. `notify_one` wakes one thread that waits, `notify_all` wakes all.
//!
//! The judge tries schedules of the threads. `cargo run -p rpc-course -- check 8`

use rpc_course::threads::{Condvar, Mutex};
use rpc_course::wait_group::WaitGroup;

/// The wait group.
#[derive(Default)]
pub struct Mine {
    /// The tasks that have not ended.
    count: Mutex<usize>,
    /// Signals that all have.
    #[allow(dead_code, reason = "the hole needs it")]
    ended: Condvar,
}

impl WaitGroup for Mine {
    // ---- Your part begins here.
    fn add(&self, count: usize) {
        *self.count.lock() += count;
    }

    fn done(&self) {
        let mut count = self.count.lock();
        *count -= 1;
        if *count == 0 {
            self.ended.notify_all();
        }
    }

    fn wait(&self) {
        let mut count = self.count.lock();
        while *count > 0 {
            count = self.ended.wait(count);
        }
    }
    // ---- Your part ends here.
}
