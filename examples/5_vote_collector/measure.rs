//! The cost of a form: the CPU time of its threads, from /proc (Linux), and their number.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Measures from the moment at which it is made.
#[derive(Debug)]
pub(crate) struct Meter {
    collector: Option<Duration>,
    library: Option<Duration>,
    /// CPU time of threads that have asked, by their names in /proc.
    askers: Mutex<BTreeMap<String, Duration>>,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Meter { collector: of_this_thread(), library: of_the_library(), askers: Mutex::default() }
    }

    /// Called by a thread when it has done its work.
    pub(crate) fn add_this_thread(&self) {
        let name = fs::read_link("/proc/thread-self").map(|path| path.display().to_string());
        // Without /proc every thread still counts as one.
        let name = name.unwrap_or_else(|_| format!("{:?}", std::thread::current().id()));
        let spent = of_this_thread().unwrap_or_default();
        self.askers.lock().unwrap_or_else(PoisonError::into_inner).insert(name, spent);
    }

    /// CPU time so far of the collector's thread, which calls this, of its askers, and of the library's background
    /// thread. `None`: this system does not say.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        let collector = of_this_thread()?.saturating_sub(self.collector?);
        let library = of_the_library().unwrap_or_default().saturating_sub(self.library.unwrap_or_default());
        let askers: Duration = self.askers.lock().unwrap_or_else(PoisonError::into_inner).values().sum();
        Some(collector + library + askers)
    }

    /// The threads of the form: the collector's, and those that have asked.
    pub(crate) fn threads(&self) -> usize {
        1 + self.askers.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn of_this_thread() -> Option<Duration> {
    spent("/proc/thread-self")
}

/// The one background thread per process that drives started calls.
fn of_the_library() -> Option<Duration> {
    fs::read_dir("/proc/self/task").ok()?.flatten().find_map(|task| {
        let path = task.path().display().to_string();
        let name = fs::read_to_string(format!("{path}/comm")).ok()?;
        (name.trim_end() == "rpc-background").then(|| spent(&path))?
    })
}

/// The first number of `schedstat`: nanoseconds on a processor.
fn spent(task: &str) -> Option<Duration> {
    let text = fs::read_to_string(format!("{task}/schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
