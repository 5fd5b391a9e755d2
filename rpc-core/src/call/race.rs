//! Floor 3: many started calls, of one client or many, in the order in which they finish.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Wake, Waker};

use slab::Slab;

use super::pending::Pending;
use super::reply::Reply;

/// Started calls with a label each; iterating gives `(label, reply)` in the order of completion. Stop early and drop
/// it: the calls that are left are cancelled.
///
/// ```no_run
/// # #[rpc_core::rpc]
/// # pub trait Voter { fn vote(&self, term: u64) -> bool; }
/// # fn decide(voters: &[(String, VoterClient)]) {
/// use rpc_core::Race;
///
/// let mut race: Race<_, _> = voters.iter().map(|(name, voter)| (name, voter.start.vote(7))).collect();
/// let mut yes = 0;
/// for (name, vote) in &mut race {
///     match vote {
///         Ok(vote) => yes += u32::from(vote),
///         Err(error) => eprintln!("{name}: {error}"),
///     }
///     if yes >= 5 {
///         break; // the others are cancelled when the race is dropped
///     }
/// }
/// # }
/// ```
pub struct Race<K, R: Reply> {
    runners: Slab<Runner<K, R>>,
    finish: Arc<FinishLine>,
}

struct Runner<K, R: Reply> {
    label: K,
    pending: Pending<R>,
    waker: Waker,
}

/// Where calls report that they have something to say.
#[derive(Default)]
struct FinishLine {
    arrived: Mutex<VecDeque<usize>>,
    somebody: Condvar,
}

struct Bell {
    runner: usize,
    finish: Arc<FinishLine>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let mut arrived = self.finish.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.push_back(self.runner);
        self.finish.somebody.notify_one();
    }
}

impl<K, R: Reply> Race<K, R> {
    /// A race without runners.
    pub fn new() -> Self {
        Race { runners: Slab::new(), finish: Arc::default() }
    }

    /// Adds a started call.
    pub fn add(&mut self, label: K, pending: Pending<R>) {
        let place = self.runners.vacant_entry(); // a bell of its last runner may still ring: one look too many
        let runner = place.key();
        let waker = Waker::from(Arc::new(Bell { runner, finish: Arc::clone(&self.finish) }));
        waker.wake_by_ref(); // looked at once when the race is next asked, which leaves the waker with the channel
        place.insert(Runner { label, pending, waker });
    }

    /// How many have not finished.
    pub fn left(&self) -> usize {
        self.runners.len()
    }

    fn look(&mut self, runner: usize) -> Option<(K, R::Output)> {
        let racing = self.runners.get_mut(runner)?;
        let output = racing.pending.poll_with(&racing.waker)?;
        let Runner { label, .. } = self.runners.remove(runner);
        Some((label, output))
    }

    /// Lets the world go on until a runner reports: by ourselves where the channel asks for it, else by sleeping.
    fn await_report(&self) {
        let advanced =
            self.runners.iter().next().is_some_and(|(_, runner)| runner.pending.channel().advance());
        let mut arrived = self.finish.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        while arrived.is_empty() && !advanced {
            arrived = self.finish.somebody.wait(arrived).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<K, R: Reply> Iterator for Race<K, R> {
    type Item = (K, R::Output);

    fn next(&mut self) -> Option<(K, R::Output)> {
        while !self.runners.is_empty() {
            let report = self.finish.arrived.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match report {
                Some(runner) => {
                    if let Some(finished) = self.look(runner) {
                        return Some(finished);
                    }
                }
                None => self.await_report(),
            }
        }
        None
    }
}

impl<K, R: Reply> Default for Race<K, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, R: Reply> Extend<(K, Pending<R>)> for Race<K, R> {
    fn extend<I: IntoIterator<Item = (K, Pending<R>)>>(&mut self, calls: I) {
        for (label, pending) in calls {
            self.add(label, pending);
        }
    }
}

impl<K, R: Reply> FromIterator<(K, Pending<R>)> for Race<K, R> {
    fn from_iter<I: IntoIterator<Item = (K, Pending<R>)>>(calls: I) -> Self {
        let mut race = Race::new();
        race.extend(calls);
        race
    }
}

impl<K: fmt::Debug, R: Reply> fmt::Debug for Race<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let racing = self.runners.iter().map(|(_, runner)| &runner.label);
        f.debug_list().entries(racing).finish()
    }
}
