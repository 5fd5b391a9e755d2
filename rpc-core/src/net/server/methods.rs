//! Floor 4: which methods may be late: those that say so in their trait, and those that were once.

use std::time::Duration;

use crate::contract::{Directory, Entry};
use crate::limits::{QUICK_ROW, QUICK_RUN};
use crate::net::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What a server has learned about its methods, all loops together.
///
/// The flags are advice: whoever sees an old value runs a call in the other of two correct ways. So they are relaxed.
#[derive(Debug)]
pub(super) struct Methods {
    services: Vec<Vec<Learned>>,
}

#[derive(Debug, Default)]
struct Learned {
    may_be_late: AtomicBool,
    quick_runs: AtomicU32,
}

impl Methods {
    pub(super) fn new(directory: &Directory) -> Self {
        let of = |slow| Learned { may_be_late: AtomicBool::new(slow), quick_runs: AtomicU32::new(0) };
        let services = directory.contracts().iter();
        Methods { services: services.map(|c| c.methods.iter().map(|m| of(m.slow)).collect()).collect() }
    }

    /// Whether a call of this method is handed over before it runs.
    pub(super) fn may_be_late(&self, entry: &Entry) -> bool {
        self.get(entry).is_some_and(|learned| learned.may_be_late.load(Ordering::Relaxed))
    }

    /// A call of this method was late. Says whether that is news.
    pub(super) fn was_late(&self, entry: &Entry) -> bool {
        self.get(entry).is_some_and(|learned| {
            learned.quick_runs.store(0, Ordering::Relaxed);
            !learned.may_be_late.swap(true, Ordering::Relaxed)
        })
    }

    /// A call that was handed over took this long. After a long row of quick ones a method is trusted again, unless
    /// its trait says that it is slow.
    pub(super) fn took(&self, entry: &Entry, time: Duration) {
        let Some(learned) = self.get(entry).filter(|_| !entry.method.slow) else { return };
        if time >= QUICK_RUN {
            learned.quick_runs.store(0, Ordering::Relaxed);
        } else if learned.quick_runs.fetch_add(1, Ordering::Relaxed) + 1 == QUICK_ROW {
            learned.quick_runs.store(0, Ordering::Relaxed);
            learned.may_be_late.store(false, Ordering::Relaxed);
            tracing::info!(
                method = entry.method.name,
                "the method was quick for long: it runs on the loop's thread again"
            );
        }
    }

    fn get(&self, entry: &Entry) -> Option<&Learned> {
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

    fn methods() -> (Methods, Entry, Entry) {
        let directory = Directory::new(vec![&CONTRACT]).expect("one service");
        let find = |method: Method| directory.find(method.id).expect("known");
        (Methods::new(&directory), find(LEARNED), find(DECLARED))
    }

    #[test]
    fn a_method_is_flagged_once_and_trusted_after_a_long_row() {
        let (methods, learned, _) = methods();
        assert!(!methods.may_be_late(&learned));
        assert!(methods.was_late(&learned) && !methods.was_late(&learned));
        for _ in 1..QUICK_ROW {
            methods.took(&learned, Duration::ZERO);
        }
        assert!(methods.may_be_late(&learned));
        methods.took(&learned, QUICK_RUN); // breaks the row
        methods.took(&learned, Duration::ZERO);
        assert!(methods.may_be_late(&learned));
        for _ in 1..QUICK_ROW {
            methods.took(&learned, Duration::ZERO);
        }
        assert!(!methods.may_be_late(&learned));
    }

    #[test]
    fn a_method_that_says_it_is_slow_stays_so() {
        let (methods, _, declared) = methods();
        for _ in 0..QUICK_ROW + 1 {
            methods.took(&declared, Duration::ZERO);
        }
        assert!(methods.may_be_late(&declared));
    }
}
