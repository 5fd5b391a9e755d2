//! Layer 4: the slow methods of a server: those that their trait declares slow, and those that had a slow call.
//!
//! A slow call costs its caller nothing more the first time: the watcher takes the loop. But all other calls wait for a tick
//! of the watcher. So the method is remembered, and its next call gives the loop away before it runs.

use std::time::Duration;

use crate::contract::{Directory, Entry};
use crate::limits::{QUICK_ROW, QUICK_RUN};
use crate::log;
use crate::net::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The history of each method of a server, for all its loops.
///
/// The flags are hints: a thread that reads an old value runs a call in the other of two correct ways. So they are relaxed.
#[derive(Debug)]
pub(in crate::net::server) struct SlowMethods {
    /// The history of each method, by the index of its service and its own.
    services: Vec<Vec<History>>,
}

/// The history of one method.
#[derive(Debug, Default)]
struct History {
    /// True if calls of the method get a thread of their own.
    is_slow: AtomicBool,
    /// The number of quick runs in a row.
    quick_runs: AtomicU32,
}

impl SlowMethods {
    /// Returns the methods of a directory: those declared slow are slow from the start.
    pub(in crate::net::server) fn new(directory: &Directory) -> Self {
        let of = |slow| History { is_slow: AtomicBool::new(slow), quick_runs: AtomicU32::new(0) };
        let services = directory.contracts().iter();
        SlowMethods { services: services.map(|c| c.methods.iter().map(|m| of(m.slow)).collect()).collect() }
    }

    /// Returns true if a call of this method gets a thread of its own.
    pub(in crate::net::server) fn is_slow(&self, entry: &Entry) -> bool {
        self.get(entry).is_some_and(|history| history.is_slow.load(Ordering::Relaxed))
    }

    /// Notes that a call of this method was slow. Returns true if the method was not known to be slow.
    pub(in crate::net::server) fn mark_slow(&self, entry: &Entry) -> bool {
        self.get(entry).is_some_and(|history| {
            history.quick_runs.store(0, Ordering::Relaxed);
            !history.is_slow.swap(true, Ordering::Relaxed)
        })
    }

    /// Notes the run time of a call that had a thread of its own. After many quick runs in a row the method is not slow any
    /// more, unless its trait declares it slow.
    pub(in crate::net::server) fn record_run(&self, entry: &Entry, time: Duration) {
        let Some(history) = self.get(entry).filter(|_| !entry.method.slow) else { return };
        if time >= QUICK_RUN {
            history.quick_runs.store(0, Ordering::Relaxed);
        } else if history.quick_runs.fetch_add(1, Ordering::Relaxed) + 1 == QUICK_ROW {
            history.quick_runs.store(0, Ordering::Relaxed);
            history.is_slow.store(false, Ordering::Relaxed);
            log::info!(method = entry.method.name, "quick method: its calls run on the loop's thread again");
        }
    }

    /// Returns the history of a method.
    fn get(&self, entry: &Entry) -> Option<&History> {
        self.services.get(entry.service)?.get(entry.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Contract, Method};

    const LEARNED: Method = Method::new("S.learned", "fn learned()");
    const DECLARED: Method = Method::new("S.declared", "fn declared()").slow();
    static CONTRACT: Contract = Contract::new("S", &[LEARNED, DECLARED]);

    fn methods() -> (SlowMethods, Entry, Entry) {
        let directory = Directory::new(vec![&CONTRACT]).expect("one service");
        let find = |method: Method| directory.find(method.id).expect("known");
        (SlowMethods::new(&directory), find(LEARNED), find(DECLARED))
    }

    #[test]
    fn a_method_is_flagged_once_and_trusted_after_a_long_row() {
        let (methods, learned, _) = methods();
        assert!(!methods.is_slow(&learned));
        assert!(methods.mark_slow(&learned) && !methods.mark_slow(&learned));
        for _ in 1..QUICK_ROW {
            methods.record_run(&learned, Duration::ZERO);
        }
        assert!(methods.is_slow(&learned));
        methods.record_run(&learned, QUICK_RUN); // breaks the row
        methods.record_run(&learned, Duration::ZERO);
        assert!(methods.is_slow(&learned));
        for _ in 1..QUICK_ROW {
            methods.record_run(&learned, Duration::ZERO);
        }
        assert!(!methods.is_slow(&learned));
    }

    #[test]
    fn a_method_that_says_it_is_slow_stays_so() {
        let (methods, _, declared) = methods();
        for _ in 0..QUICK_ROW + 1 {
            methods.record_run(&declared, Duration::ZERO);
        }
        assert!(methods.is_slow(&declared));
    }
}
