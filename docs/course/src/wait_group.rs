//! Exercise 9: a wait group.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fastrand::Rng;

use crate::judge::{Fault, Judge, fault};
use crate::story::tell;
use crate::threads::{self, broken, name, point};

/// The part that the reader writes.
pub trait WaitGroup: Default + Send + Sync + 'static {
    /// Adds so many tasks.
    fn add(&self, count: usize);

    /// One task has ended.
    fn done(&self);

    /// Waits until all tasks have ended. Several threads may wait.
    fn wait(&self);
}

/// Tasks, threads that wait, and a schedule.
#[derive(Clone)]
pub struct Plan {
    tasks: usize,
    waiters: usize,
    schedule: Vec<u8>,
}

/// The judge.
pub struct Course<M>(PhantomData<M>);

impl<M: WaitGroup> Judge for Course<M> {
    type Case = Plan;
    const STORIES: u64 = threads::STORIES;

    fn draw(random: &mut Rng, size: usize) -> Plan {
        Plan {
            tasks: random.usize(0..=1 + size / 3),
            waiters: random.usize(1..=2),
            schedule: threads::draw(random, size),
        }
    }

    fn simpler(case: &Plan) -> Vec<Plan> {
        let fewer = (case.tasks > 0).then(|| Plan { tasks: case.tasks - 1, ..case.clone() });
        let one = (case.waiters > 1).then(|| Plan { waiters: 1, ..case.clone() });
        let calmer =
            threads::simpler(&case.schedule).into_iter().map(|schedule| Plan { schedule, ..case.clone() });
        fewer.into_iter().chain(one).chain(calmer).collect()
    }

    fn play(case: &Plan) -> Result<(), Fault> {
        let Plan { tasks, waiters, .. } = *case;
        let ending = threads::play(&case.schedule, "main", move || {
            let (group, running) = (Arc::new(M::default()), Arc::new(AtomicUsize::new(tasks)));
            group.add(tasks);
            tell(format!("main adds {tasks} task{}", if tasks == 1 { "" } else { "s" }));
            for task in 1..=tasks {
                let (group, running) = (Arc::clone(&group), Arc::clone(&running));
                threads::spawn(format!("task {task}"), move || {
                    point();
                    running.fetch_sub(1, Ordering::SeqCst);
                    tell(format!("{} has ended, and says `done`", name()));
                    group.done();
                });
            }
            let waits = move |group: &M, running: &AtomicUsize| {
                group.wait();
                tell(format!("`wait` returns in {}", name()));
                let left = running.load(Ordering::SeqCst);
                if left > 0 {
                    broken(
                        "early",
                        format!(
                            "`wait` returns, and not all tasks have ended ({left} of {tasks} still run): a thread that wakes up has to look at the count again"
                        ),
                    );
                }
            };
            for waiter in 2..=waiters {
                let (group, running) = (Arc::clone(&group), Arc::clone(&running));
                threads::spawn(format!("waiter {waiter}"), move || waits(&group, &running));
            }
            waits(&group, &running);
        })?;
        match ending.waiting.first() {
            Some(waits) => fault(
                "stuck",
                format!(
                    "all tasks have ended, and {waits}, for ever{}",
                    if ending.waiting.len() > 1 { ", and another thread too" } else { "" }
                ),
            ),
            None => Ok(()),
        }
    }
}
