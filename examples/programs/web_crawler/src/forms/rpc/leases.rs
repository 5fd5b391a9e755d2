//! The coordinator's state: the pages that wait, and the worker and the end of each lease.
//!
//! A claimed page is in exactly one place: waiting, under one lease, or recorded. So it is recorded once, for any number
//! of workers that try.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use url::Url;

use super::service::Assignment;
use crate::page::Page;
use crate::task::{Seen, Task, lock};

/// Time that a worker's `take` waits for a page: well below the deadline of a call, 5 s.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Leases {
    task: Arc<Task>,
    length: Duration,
    /// A worker is to be killed when this many pages are recorded.
    kill_after: Option<usize>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    seen: Seen,
    waiting: VecDeque<Url>,
    held: HashMap<u64, Lease>,
    last: u64,
    victim: Option<Victim>,
}

/// The lease whose worker is killed. It is chosen where pages are recorded and leased, and its report is refused from
/// then on, so that the worker dies with its page however late the kill comes.
struct Victim {
    lease: u64,
    is_told: bool,
}

struct Lease {
    url: Url,
    worker: u32,
    begin: Instant,
    until: Instant,
    links: Vec<Url>,
}

impl Leases {
    pub(super) fn new(task: Arc<Task>, length: Duration, kill_after: Option<usize>) -> Self {
        let mut seen = task.nothing_seen();
        let waiting = seen.claim(&task.first_link()).into_iter().collect();
        let state = State { seen, waiting, held: HashMap::new(), last: 0, victim: None };
        Leases { task, length, kill_after, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Returns the time between two renewals of a lease: two of them may be lost or late.
    pub(super) fn renewal(&self) -> Duration {
        self.length / 3
    }

    /// Waits for a page, and leases it to `worker`.
    pub(super) fn take(&self, worker: u32) -> Assignment {
        let patience = Instant::now() + PATIENCE;
        let mut state = lock(&self.state);
        loop {
            self.take_back_expired(&mut state);
            self.leave_what_has_not_begun(&mut state);
            if let Some(url) = state.waiting.pop_front() {
                return self.grant(&mut state, url, worker);
            }
            if state.held.is_empty() {
                return Assignment::Finished;
            }
            // A report wakes this thread. The end of a lease does not, so the wait is limited by the next end.
            let next_expiry = state.held.values().map(|lease| lease.until).min().unwrap_or(patience);
            let wait = next_expiry.min(patience).saturating_duration_since(Instant::now());
            if wait.is_zero() && Instant::now() >= patience {
                return Assignment::AskAgain;
            }
            state = self.wait(state, wait);
        }
    }

    fn grant(&self, state: &mut State, url: Url, worker: u32) -> Assignment {
        state.last += 1;
        let pause = self.task.turn();
        let begin = Instant::now() + pause;
        let until = begin + self.length;
        state.held.insert(state.last, Lease { url: url.clone(), worker, begin, until, links: Vec::new() });
        self.task.watch.started();
        self.choose_victim(state);
        Assignment::Fetch { lease: state.last, url, pause }
    }

    pub(super) fn renew(&self, lease: u64) -> bool {
        let until = Instant::now() + self.length;
        match lock(&self.state).held.get_mut(&lease) {
            Some(held) => {
                held.until = held.until.max(until);
                true
            }
            None => false,
        }
    }

    pub(super) fn add_links(&self, lease: u64, links: &[Url]) -> bool {
        match lock(&self.state).held.get_mut(&lease) {
            Some(held) => {
                held.links.extend_from_slice(links);
                true
            }
            None => false,
        }
    }

    /// Records the page, if its lease is still valid; the first report of a page ends its lease.
    pub(super) fn report(&self, lease: u64, mut page: Page) -> bool {
        let mut state = lock(&self.state);
        if state.victim.as_ref().is_some_and(|victim| victim.lease == lease) {
            return false; // it counts as dead already
        }
        let Some(mut held) = state.held.remove(&lease) else { return false };
        self.task.watch.ended();
        held.links.append(&mut page.links);
        page.links = held.links;
        for link in self.task.record(page) {
            let new = state.seen.claim(&link);
            state.waiting.extend(new);
        }
        self.choose_victim(&mut state);
        drop(state);
        self.changed.notify_all();
        true
    }

    fn take_back_expired(&self, state: &mut State) {
        let now = Instant::now();
        let expired: Vec<u64> =
            state.held.iter().filter(|(_, lease)| lease.until <= now).map(|(&number, _)| number).collect();
        for number in expired {
            let Some(lease) = state.held.remove(&number) else { continue };
            self.task.watch.ended();
            self.task.watch.say(format_args!(
                "the lease of worker {} is up: {} goes to another",
                lease.worker, lease.url
            ));
            state.waiting.push_front(lease.url);
        }
    }

    /// Ends the crawl: pages that wait are left, and so are those whose worker still pauses before it.
    fn leave_what_has_not_begun(&self, state: &mut State) {
        if self.task.watch.is_stopped() {
            state.waiting.clear();
            let now = Instant::now();
            let before = state.held.len();
            state.held.retain(|_, lease| lease.begin <= now);
            (state.held.len()..before).for_each(|_| self.task.watch.ended());
        }
    }

    /// Returns true if nothing waits and nothing is leased, after waiting for it at most `limit`.
    pub(super) fn wait_until_finished(&self, limit: Duration) -> bool {
        let finished = |state: &State| state.waiting.is_empty() && state.held.is_empty();
        let mut state = lock(&self.state);
        if !finished(&state) && !limit.is_zero() {
            state = self.wait(state, limit);
        }
        self.leave_what_has_not_begun(&mut state);
        finished(&state)
    }

    /// Chooses the lease whose worker is killed, as soon as enough pages are recorded and one is leased.
    fn choose_victim(&self, state: &mut State) {
        let is_time = self.kill_after.is_some_and(|pages| self.task.recorded() >= pages);
        if is_time && state.victim.is_none() {
            state.victim = state.held.keys().next().map(|&lease| Victim { lease, is_told: false });
        }
    }

    /// Returns the worker to kill and its page, once.
    pub(super) fn take_victim(&self) -> Option<(u32, Url)> {
        let mut state = lock(&self.state);
        let State { victim, held, .. } = &mut *state;
        let victim = victim.as_mut().filter(|victim| !victim.is_told)?;
        victim.is_told = true;
        held.get(&victim.lease).map(|lease| (lease.worker, lease.url.clone()))
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State>, limit: Duration) -> MutexGuard<'s, State> {
        self.changed.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0
    }
}
