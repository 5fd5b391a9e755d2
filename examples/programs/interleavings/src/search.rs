//! The search: runs a program under every schedule, one after the other, until one goes wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use shuttle::scheduler::DfsScheduler;
use shuttle::{Config, FailurePersistence, Runner};

use crate::steps::Steps;

/// Maximum number of schedules: the programs are short, and have far fewer or show their mistake early.
pub(crate) const MOST_SCHEDULES: usize = 20_000;

/// The result of a search.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Schedules tried, the bad one included.
    pub(crate) schedules: usize,
    /// The steps of the bad schedule and its mistake. `None` if there is none.
    pub(crate) bad: Option<(Steps, String)>,
}

/// Runs `program` under every schedule until one panics or leaves all threads waiting.
pub(crate) fn search(program: fn(&Steps)) -> Found {
    let mut config = Config::new();
    config.silence_warnings = true;
    config.failure_persistence = FailurePersistence::None; // only the steps are printed
    let runner = Runner::new(DfsScheduler::new(Some(MOST_SCHEDULES), false), config);
    watched(program, |one_run| {
        runner.run(one_run);
    })
}

/// The same with loom, which also tries the values that a thread may see: see `visibility.rs`.
pub(crate) fn search_with_memory(program: fn(&Steps)) -> Found {
    let mut model = loom::model::Builder::new();
    model.max_permutations = Some(MOST_SCHEDULES);
    watched(program, |one_run| model.check(one_run))
}

/// Lets a checker run `program` again and again, and keeps the steps of the latest run.
fn watched(program: fn(&Steps), check: impl FnOnce(Box<dyn Fn() + Send + Sync>)) -> Found {
    let schedules = Arc::new(AtomicUsize::new(0));
    let latest = Arc::new(Mutex::new(Steps::new()));
    let (count, kept) = (Arc::clone(&schedules), Arc::clone(&latest));
    let one_run = move || {
        count.fetch_add(1, Ordering::SeqCst);
        let steps = Steps::new();
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = steps.clone();
        program(&steps);
    };
    let result = catch_unwind(AssertUnwindSafe(|| check(Box::new(one_run))));
    let steps = latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let bad = result.err().map(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        (steps, text.unwrap_or_else(|| "it panicked".to_owned()))
    });
    Found { schedules: schedules.load(Ordering::SeqCst), bad }
}
