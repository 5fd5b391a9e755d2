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
    /// The bad schedule and its mistake. `None` if there is none.
    pub(crate) bad: Option<(String, String)>,
}

/// Runs `program` under every schedule until one panics or leaves all threads waiting.
pub(crate) fn search(program: fn(&Steps)) -> Found {
    let schedules = Arc::new(AtomicUsize::new(0));
    let latest = Arc::new(Mutex::new(Steps::new()));
    let mut config = Config::new();
    config.silence_warnings = true;
    config.failure_persistence = FailurePersistence::None; // only the steps are printed
    let runner = Runner::new(DfsScheduler::new(Some(MOST_SCHEDULES), false), config);
    let (count, kept) = (Arc::clone(&schedules), Arc::clone(&latest));
    let result = catch_unwind(AssertUnwindSafe(|| {
        runner.run(move || {
            count.fetch_add(1, Ordering::SeqCst);
            let steps = Steps::new();
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = steps.clone();
            program(&steps);
        });
    }));
    let steps = latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let bad = result.err().map(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        (steps.as_text(), text.unwrap_or_else(|| "it panicked".to_owned()))
    });
    Found { schedules: schedules.load(Ordering::SeqCst), bad }
}
