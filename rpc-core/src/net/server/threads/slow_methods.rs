//! Layer 4: the slow methods of a server: those that their trait declares slow, and those of which several runs were late.
//!
//! A late run moves its own call: the watcher takes the loop, and all other calls have waited for a tick or two. A run may be
//! late by chance: its thread was preempted, or one caller sent a large argument. So a method counts as slow only while at
//! least [`LATE_RUNS`] of its last 16 runs were late. Then its calls, those of all callers, give the loop away before they
//! run; 16 quick runs in a row, or fewer, end that.
//!
//! ```text
//!  history of a method:  one bit a run, the newest last, 1 = late
//!  0000000000000000   Quick      the loop's thread runs it, and notes nothing
//!  0000000000010000   Doubtful   the loop's thread runs it, and notes the run
//!  0000000000010001   Slow       it gets a thread of its own, and the run is noted
//! ```

use crate::contract::{Directory, Entry};
use crate::limits::LATE_RUNS;
use crate::log;
use crate::net::sync::atomic::{AtomicU16, Ordering};

/// The history of each method of a server, for all its loops.
///
/// The bits are hints: a thread that reads old ones runs a call in the other of two correct ways, and a run that is noted by
/// two threads at once may be lost. So they are relaxed.
#[derive(Debug)]
pub(in crate::net::server) struct SlowMethods {
    /// The last 16 runs of each method, by the index of its service and its own. `None`: its trait declares it slow.
    services: Vec<Vec<Option<AtomicU16>>>,
}

/// The way in which a call is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net::server) enum Pace {
    /// On the thread that has the loop.
    Quick,
    /// On the thread that has the loop, and its run is to be noted: an earlier one was late.
    Doubtful,
    /// On a thread of its own.
    Slow,
}

impl SlowMethods {
    /// Returns the methods of a directory, without any run.
    pub(in crate::net::server) fn new(directory: &Directory) -> Self {
        let of = |slow: bool| (!slow).then(|| AtomicU16::new(0));
        let services = directory.contracts().iter();
        SlowMethods { services: services.map(|c| c.methods.iter().map(|m| of(m.slow)).collect()).collect() }
    }

    /// Returns the way in which the next call of this method is to run.
    pub(in crate::net::server) fn pace(&self, entry: &Entry) -> Pace {
        match self.history(entry) {
            None => Pace::Slow,
            Some(runs) => match runs.load(Ordering::Relaxed) {
                0 => Pace::Quick,
                runs if is_slow(runs) => Pace::Slow,
                _ => Pace::Doubtful,
            },
        }
    }

    /// Notes a run of this method.
    pub(in crate::net::server) fn record_run(&self, entry: &Entry, was_late: bool) {
        let Some(history) = self.history(entry) else { return };
        let before = history.load(Ordering::Relaxed);
        let after = before << 1 | u16::from(was_late);
        history.store(after, Ordering::Relaxed);
        let method = entry.method.name;
        match (is_slow(before), is_slow(after)) {
            (false, true) => log::info!(method, "slow method: its calls now run on a separate thread"),
            (true, false) => log::info!(method, "quick method: its calls run on the loop's thread again"),
            _ => {}
        }
    }

    /// Returns the last runs of a method, unless its trait declares it slow.
    fn history(&self, entry: &Entry) -> Option<&AtomicU16> {
        self.services.get(usize::from(entry.service))?.get(usize::from(entry.index))?.as_ref()
    }
}

/// Returns true if enough of these runs were late.
fn is_slow(runs: u16) -> bool {
    runs.count_ones() >= LATE_RUNS
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
    fn one_late_run_makes_no_method_slow_and_sixteen_quick_ones_forget_it() {
        let (methods, learned, _) = methods();
        assert_eq!(methods.pace(&learned), Pace::Quick);
        methods.record_run(&learned, true);
        for _ in 0..16 {
            assert_eq!(methods.pace(&learned), Pace::Doubtful);
            methods.record_run(&learned, false);
        }
        assert_eq!(methods.pace(&learned), Pace::Quick);
    }

    #[test]
    fn two_late_runs_among_sixteen_make_a_method_slow_and_two_among_seventeen_do_not() {
        for (quick, pace) in [(0, Pace::Slow), (14, Pace::Slow), (15, Pace::Doubtful)] {
            let (methods, learned, _) = methods();
            methods.record_run(&learned, true);
            (0..quick).for_each(|_| methods.record_run(&learned, false));
            methods.record_run(&learned, true);
            assert_eq!(methods.pace(&learned), pace, "{quick} quick runs between two late ones");
        }
    }

    #[test]
    fn sixteen_quick_runs_in_a_row_end_it_however_many_were_late_before() {
        let (methods, learned, _) = methods();
        (0..100).for_each(|_| methods.record_run(&learned, true));
        (0..14).for_each(|_| methods.record_run(&learned, false));
        assert_eq!(methods.pace(&learned), Pace::Slow);
        (14..16).for_each(|_| methods.record_run(&learned, false));
        assert_eq!(methods.pace(&learned), Pace::Quick);
    }

    #[test]
    fn a_method_that_says_it_is_slow_stays_so() {
        let (methods, _, declared) = methods();
        (0..100).for_each(|_| methods.record_run(&declared, false));
        assert_eq!(methods.pace(&declared), Pace::Slow);
    }
}
