//! Two tasks that take turns on one thread, and two threads that take turns by a lock and a condition variable: the cost of
//! a switch.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::executor::Executor;
use crate::pause;

/// Switches of a measurement; those of threads are slower, and fewer are enough.
const BY_TASKS: u32 = 200_000;
const BY_THREADS: u32 = 20_000;

/// A number of switches, and their time.
pub(crate) struct Switches {
    pub(crate) switches: u32,
    took: Duration,
}

impl Switches {
    pub(crate) fn each_ns(&self) -> f64 {
        self.took.as_secs_f64() * 1e9 / f64::from(self.switches)
    }
}

pub(crate) fn tasks() -> Switches {
    let executor = Executor::new();
    for _ in 0..2 {
        executor.spawn(async {
            for _ in 0..BY_TASKS / 2 {
                pause().await;
            }
        });
    }
    let begun = Instant::now();
    executor.run();
    Switches { switches: BY_TASKS, took: begun.elapsed() }
}

pub(crate) fn threads() -> io::Result<Switches> {
    let turn = Arc::new((Mutex::new(0_u32), Condvar::new()));
    let begun = Instant::now();
    let players: Vec<_> = (0..2)
        .map(|me| {
            let turn = Arc::clone(&turn);
            thread::Builder::new().spawn(move || {
                let (turn, changed) = &*turn;
                let mut number = turn.lock().unwrap_or_else(PoisonError::into_inner);
                while *number < BY_THREADS {
                    if *number % 2 == me {
                        *number += 1;
                        changed.notify_one();
                    } else {
                        number = changed.wait(number).unwrap_or_else(PoisonError::into_inner);
                    }
                }
            })
        })
        .collect::<io::Result<_>>()?;
    for player in players {
        player.join().map_err(|_| io::Error::other("a thread panicked"))?;
    }
    Ok(Switches { switches: BY_THREADS, took: begun.elapsed() })
}
