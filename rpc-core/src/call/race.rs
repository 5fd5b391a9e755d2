//! Layer 3: many started calls, of one client or of several, in the order in which they finish.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use slab::Slab;

use super::error::{CallError, Never};
use super::pending::Pending;
use crate::each_process;

/// Started calls with a label each. Iterating gives `(label, reply)` in the order in which the calls finish. Dropping
/// the race cancels the calls that have not finished.
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
pub struct Race<K, T, E = Never> {
    /// The calls that have not finished, by a key that their wakers know.
    entries: Slab<Entry<K, T, E>>,
    /// The calls whose channel has woken them; shared with the wakers.
    ready: Arc<Ready>,
    /// The process in which `ready` was made.
    process: u32,
}

/// One call of a race.
struct Entry<K, T, E> {
    label: K,
    pending: Pending<T, E>,
    waker: Waker,
}

/// A queue of calls to poll.
#[derive(Default)]
struct Ready {
    /// Keys in the order in which their calls were woken. A key may be stale, or belong to a later call: then the call
    /// is polled once more than needed.
    keys: Mutex<VecDeque<usize>>,
    /// Notified when a key is added.
    added: Condvar,
}

impl Ready {
    /// Locks the keys. A panic cannot leave the queue inconsistent, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The waker of one call: adds its key to the queue.
struct EntryWaker {
    key: usize,
    ready: Arc<Ready>,
}

impl EntryWaker {
    /// Returns the waker of the call with this key.
    fn of(key: usize, ready: &Arc<Ready>) -> Waker {
        Waker::from(Arc::new(EntryWaker { key, ready: Arc::clone(ready) }))
    }
}

impl Wake for EntryWaker {
    fn wake(self: Arc<Self>) {
        self.ready.lock().push_back(self.key);
        self.ready.added.notify_one();
    }
}

impl<K, T, E> Race<K, T, E> {
    /// Returns a race without calls.
    pub fn new() -> Self {
        Race { entries: Slab::new(), ready: Arc::default(), process: each_process::present() }
    }

    /// Polls every call again in a forked child: no thread of its parent wakes it here, and one may have held the queue's lock.
    fn detect_fork(&mut self) {
        let process = each_process::present();
        if self.process == process {
            return;
        }
        self.process = process;
        // Not dropped: a thread of the parent may have changed it half.
        std::mem::forget(std::mem::take(&mut self.ready));
        for (key, entry) in &mut self.entries {
            entry.waker = EntryWaker::of(key, &self.ready);
            entry.waker.wake_by_ref();
        }
    }

    /// Adds a started call.
    ///
    /// ```
    /// use rpc_core::{Pending, Race};
    ///
    /// /// Returns the name of the mirror that replies first, and cancels the other two calls.
    /// fn fastest(calls: [(&'static str, Pending<u64>); 3]) -> Option<&'static str> {
    ///     let mut race = Race::new();
    ///     for (mirror, call) in calls {
    ///         race.add(mirror, call);
    ///     }
    ///     race.find_map(|(mirror, reply)| reply.ok().map(|_| mirror))
    /// }
    /// ```
    pub fn add(&mut self, label: K, pending: Pending<T, E>) {
        self.detect_fork();
        let vacant = self.entries.vacant_entry();
        let key = vacant.key();
        let waker = EntryWaker::of(key, &self.ready);
        waker.wake_by_ref(); // so that it is polled once, which registers the waker with the channel
        vacant.insert(Entry { label, pending, waker });
    }

    /// Returns the number of calls that have not finished.
    pub fn left(&self) -> usize {
        self.entries.len()
    }

    /// Polls one call and removes it if it has finished.
    fn poll(&mut self, key: usize) -> Option<(K, Result<T, CallError<E>>)> {
        let entry = self.entries.get_mut(key)?;
        let reply = entry.pending.poll_with(&entry.waker)?;
        let Entry { label, .. } = self.entries.remove(key);
        Some((label, reply))
    }

    /// Waits until a call is woken. A simulated channel is advanced by this thread; otherwise the thread sleeps.
    fn wait_until_ready(&self) {
        let advanced = self.entries.iter().next().is_some_and(|(_, entry)| entry.pending.channel().advance());
        let mut keys = self.ready.lock();
        while keys.is_empty() && !advanced {
            keys = self.ready.added.wait(keys).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<K, T, E> Iterator for Race<K, T, E> {
    type Item = (K, Result<T, CallError<E>>);

    fn next(&mut self) -> Option<Self::Item> {
        self.detect_fork();
        while !self.entries.is_empty() {
            let key = self.ready.lock().pop_front();
            match key {
                Some(key) => {
                    if let Some(finished) = self.poll(key) {
                        return Some(finished);
                    }
                }
                None => self.wait_until_ready(),
            }
        }
        None
    }
}

impl<K, T, E> Default for Race<K, T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, T, E> Extend<(K, Pending<T, E>)> for Race<K, T, E> {
    fn extend<I: IntoIterator<Item = (K, Pending<T, E>)>>(&mut self, calls: I) {
        for (label, pending) in calls {
            self.add(label, pending);
        }
    }
}

impl<K, T, E> FromIterator<(K, Pending<T, E>)> for Race<K, T, E> {
    fn from_iter<I: IntoIterator<Item = (K, Pending<T, E>)>>(calls: I) -> Self {
        let mut race = Race::new();
        race.extend(calls);
        race
    }
}

impl<K: fmt::Debug, T, E> fmt::Debug for Race<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.entries.iter().map(|(_, entry)| &entry.label);
        f.debug_list().entries(labels).finish()
    }
}
