//! Exercise 11: a pool of threads that run jobs.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use fastrand::Rng;

use crate::judge::{Fault, Judge, fault};
use crate::story::tell;
use crate::threads::{self, broken, name, point};

/// A job.
pub type Job = Box<dyn FnOnce() + Send>;

/// The part that the reader writes: the jobs that wait, shared by all threads.
pub trait Pool: Default + Send + Sync + 'static {
    /// Takes a job, which a thread of the pool runs later. Returns false if the pool was stopped: then the job does not run.
    fn submit(&self, job: Job) -> bool;

    /// The work of one thread of the pool: runs jobs, and returns when the pool was stopped and no job waits.
    fn work(&self);

    /// Stops the pool: it takes no more jobs, and runs those that it has.
    fn stop(&self);
}

/// Jobs, threads, and a schedule.
#[derive(Clone)]
pub struct Plan {
    /// True for a job that submits another one.
    jobs: Vec<bool>,
    threads: usize,
    schedule: Vec<u8>,
}

/// The judge.
pub struct Course<M>(PhantomData<M>);

/// For each job: its name, true if it was taken, and how often it ran.
type Jobs = Arc<Mutex<Vec<(String, bool, usize)>>>;

fn locked(jobs: &Jobs) -> std::sync::MutexGuard<'_, Vec<(String, bool, usize)>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Submits a job that counts its runs, and submits another one if it is `large`.
fn submit<M: Pool>(pool: &Arc<M>, jobs: &Jobs, title: String, large: bool) {
    let number = {
        let mut jobs = locked(jobs);
        jobs.push((title.clone(), false, 0));
        jobs.len() - 1
    };
    let (inner_pool, inner_jobs, inner) = (Arc::clone(pool), Arc::clone(jobs), title.clone());
    let is_taken = pool.submit(Box::new(move || {
        tell(format!("{} runs {inner}", name()));
        locked(&inner_jobs)[number].2 += 1;
        point();
        if large {
            submit(&inner_pool, &inner_jobs, format!("{inner}, second part"), false);
        }
    }));
    tell(format!("{} submits {title}; `submit` says {is_taken}", name()));
    locked(jobs)[number].1 = is_taken;
}

impl<M: Pool> Judge for Course<M> {
    type Case = Plan;
    const STORIES: u64 = threads::STORIES;

    fn draw(random: &mut Rng, size: usize) -> Plan {
        let jobs = (0..random.usize(0..=1 + size / 3)).map(|_| random.u8(0..4) == 0).collect();
        Plan { jobs, threads: random.usize(1..=2), schedule: threads::draw(random, size) }
    }

    fn simpler(case: &Plan) -> Vec<Plan> {
        let mut simpler = Vec::new();
        for at in 0..case.jobs.len() {
            let mut fewer = case.clone();
            fewer.jobs.remove(at);
            simpler.push(fewer);
            if case.jobs[at] {
                let mut smaller = case.clone();
                smaller.jobs[at] = false;
                simpler.push(smaller);
            }
        }
        if case.threads > 1 {
            simpler.push(Plan { threads: 1, ..case.clone() });
        }
        simpler.extend(
            threads::simpler(&case.schedule).into_iter().map(|schedule| Plan { schedule, ..case.clone() }),
        );
        simpler
    }

    fn play(case: &Plan) -> Result<(), Fault> {
        let jobs: Jobs = Arc::default();
        let (shared, plan) = (Arc::clone(&jobs), case.clone());
        let ending = threads::play(&case.schedule, "main", move || {
            let pool = Arc::new(M::default());
            for number in 1..=plan.threads {
                let pool = Arc::clone(&pool);
                threads::spawn(format!("thread {number}"), move || {
                    pool.work();
                    tell(format!("{} ends", name()));
                });
            }
            for (at, large) in plan.jobs.iter().enumerate() {
                submit(&pool, &shared, format!("job {}", at + 1), *large);
            }
            pool.stop();
            tell("main stops the pool");
            submit(&pool, &shared, "a late job".to_owned(), false);
            if locked(&shared).last().is_some_and(|(_, is_taken, _)| *is_taken) {
                broken("late", "the pool takes a job after it was stopped");
            }
        })?;
        if let Some(waits) = ending.waiting.first() {
            return fault("stuck", format!("the pool was stopped, and {waits}, for ever"));
        }
        for (title, is_taken, runs) in locked(&jobs).iter() {
            match (is_taken, runs) {
                (true, 0) => {
                    return fault(
                        "lost",
                        format!(
                            "{title} was taken, and never ran: the jobs that wait when the pool is stopped still run"
                        ),
                    );
                }
                (false, 1..) => {
                    return fault("refused", format!("`submit` said false of {title}, and it ran"));
                }
                (_, 2..) => return fault("twice", format!("{title} ran {runs} times")),
                _ => {}
            }
        }
        Ok(())
    }
}
