//! The scheduler: one seed for each execution, which decides at every step which thread goes on.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Instant;

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

use crate::world;

/// The task that is the clock: the first that an execution starts after its main task.
const CLOCK: usize = 1;

/// Time-outs that come before their time in one execution, at most: each is a thread that the machine forgot for long.
const EARLY: u32 = 40;

thread_local! {
    /// The choices so far.
    pub(crate) static STEPS: Cell<u64> = const { Cell::new(0) };
    /// The seed of the execution that runs, and how many have begun.
    pub(crate) static RUNNING: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// The rule by which the next task is chosen.
#[derive(Debug)]
enum Policy {
    /// Any that can go on, each as likely as the others.
    Any,
    /// The one with the highest priority; now and then the running one becomes the last. Rare orders need few changes.
    Few { priorities: HashMap<usize, u64>, one_in: u32 },
}

/// Chooses from one seed after the other.
#[derive(Debug)]
pub(crate) struct Seeds {
    next: u64,
    left: u64,
    until: Option<Instant>,
    random: fastrand::Rng,
    policy: Policy,
    early: u32,
    early_one_in: u32,
    lowest: u64,
}

impl Seeds {
    /// `count` executions from `first` on, as long as it is not later than `until`.
    pub(crate) fn new(first: u64, count: u64, until: Option<Instant>) -> Self {
        let random = fastrand::Rng::with_seed(first);
        let (policy, early, early_one_in, lowest) = (Policy::Any, 0, 1, 0);
        RUNNING.set((first, 0));
        STEPS.set(0);
        Seeds { next: first, left: count, until, random, policy, early, early_one_in, lowest }
    }

    fn choose(&mut self, runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        let clock = runnable.iter().find(|task| usize::from(task.id()) == CLOCK).map(|task| task.id());
        let others: Vec<TaskId> =
            runnable.iter().map(|task| task.id()).filter(|id| usize::from(*id) != CLOCK).collect();
        if let Some(clock) = clock {
            let early = self.early > 0
                && world::with(|world| world.early)
                && self.random.u32(0..self.early_one_in) == 0;
            if others.is_empty() || early {
                self.early -= u32::from(early && !others.is_empty());
                return Some(clock);
            }
        }
        match &mut self.policy {
            Policy::Any => others.get(self.random.usize(0..others.len().max(1))).copied(),
            Policy::Few { priorities, one_in } => {
                if let Some(current) = current {
                    if yields || self.random.u32(0..*one_in) == 0 {
                        self.lowest += 1;
                        priorities.insert(current.into(), self.lowest);
                    }
                }
                for task in &others {
                    priorities.entry((*task).into()).or_insert_with(|| self.random.u64(0..1 << 32));
                }
                others.into_iter().min_by_key(|task| priorities.get(&usize::from(*task)).copied())
            }
        }
    }
}

impl Scheduler for Seeds {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.left == 0 || self.until.is_some_and(|until| until <= Instant::now()) {
            return None;
        }
        let seed = self.next;
        self.next = self.next.wrapping_add(1);
        self.left -= 1;
        RUNNING.set((seed, RUNNING.get().1 + 1));
        self.random = fastrand::Rng::with_seed(seed);
        self.policy = match self.random.u32(0..3) {
            0 => Policy::Any,
            _ => {
                let one_in = [10, 40, 150, 600][self.random.usize(0..4)];
                Policy::Few { priorities: HashMap::new(), one_in }
            }
        };
        self.lowest = 1 << 32;
        let calm = self.random.bool();
        self.early = if calm { 0 } else { self.random.u32(1..=EARLY) };
        self.early_one_in = [5, 30, 200][self.random.usize(0..3)];
        world::begin(self.random.u64(..), calm);
        Some(Schedule::new(seed))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, yields: bool) -> Option<TaskId> {
        STEPS.set(STEPS.get() + 1);
        self.choose(runnable, current, yields)
    }

    fn next_u64(&mut self) -> u64 {
        self.random.u64(..)
    }
}
