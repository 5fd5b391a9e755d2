//! Layer 3: the signal by which handlers, and the holders of calls, learn that their server drains.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The signal of one server. It is set once, and never unset.
#[derive(Default)]
pub struct DrainSignal {
    /// True from the begin of the drain.
    is_set: AtomicBool,
    /// The functions that are called when it begins.
    listeners: Mutex<Listeners>,
}

/// A function that passes the word on.
type Listener = Box<dyn FnOnce() + Send>;

/// The listeners: one for each held call that asked, until the call ends.
#[derive(Default)]
struct Listeners {
    /// The number of the next one.
    next: u64,
    /// Each by its number, in the order in which they came.
    by_number: BTreeMap<u64, Listener>,
}

impl DrainSignal {
    /// Returns true if the server drains.
    pub fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed) // it guards no other data
    }

    /// Sets the signal, and calls each listener on this thread, once.
    pub fn set(&self) {
        // Before the listeners are taken: one that is added later looks at the flag, under their lock.
        self.is_set.store(true, Ordering::SeqCst);
        let listeners = std::mem::take(&mut self.lock().by_number);
        listeners.into_values().for_each(|listener| listener());
    }

    /// Adds a listener, which must only pass the word on. Returns its number; `None` if the signal is set, so that it was called.
    pub(super) fn listen(&self, listener: impl FnOnce() + Send + 'static) -> Option<u64> {
        let mut listeners = self.lock();
        if self.is_set.load(Ordering::SeqCst) {
            drop(listeners);
            listener();
            return None;
        }
        let number = listeners.next;
        listeners.next += 1; // 64 bits, so never used up
        listeners.by_number.insert(number, Box::new(listener));
        Some(number)
    }

    /// Removes a listener, whose call has ended.
    pub(super) fn forget(&self, number: u64) {
        let listener = self.lock().by_number.remove(&number);
        drop(listener); // not under the lock
    }

    /// Locks the listeners. Each change is one statement, so a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DrainSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DrainSignal({})", self.is_set())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[test]
    fn each_listener_is_called_once_before_or_after_the_signal_and_a_forgotten_one_never() {
        let (signal, heard) = (DrainSignal::default(), Arc::new(AtomicU32::new(0)));
        let hear = |by: u32| {
            let heard = Arc::clone(&heard);
            move || _ = heard.fetch_add(by, Ordering::Relaxed)
        };
        assert!(signal.listen(hear(1)).is_some());
        let forgotten = signal.listen(hear(10)).expect("it is not set");
        signal.forget(forgotten);
        signal.set();
        signal.set();
        assert_eq!(heard.load(Ordering::Relaxed), 1);
        assert!(signal.listen(hear(100)).is_none());
        assert_eq!(heard.load(Ordering::Relaxed), 101);
        assert!(signal.is_set() && signal.lock().by_number.is_empty());
    }
}
