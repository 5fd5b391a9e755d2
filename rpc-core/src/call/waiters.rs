//! Layer 3: the table of the calls that a client waits for: their outcomes, and the threads and wakers that wait.
//!
//! It has no lock and no thread: a channel keeps it under its own lock, and `S` names a thread that sleeps.

use std::fmt;
use std::task::Waker;

use slab::Slab;

use super::channel::Ticket;
use crate::proto::client::Event;
use crate::proto::{Outcome, UnknownCause};

/// The waiters of all calls of a client that were started, and neither taken nor forgotten.
///
/// Invariants: a thread sleeps for one call at a time (asserted by `sleep`); `untaken` is the number of entries whose outcome
/// has arrived.
#[derive(Debug)]
pub struct Waiters<S> {
    /// The waiters, by ticket.
    entries: Slab<Waiter<S>>,
    /// The threads that sleep, with their tickets, in the order in which they fell asleep.
    sleepers: Vec<(usize, S)>,
    /// The number of outcomes that have arrived and were not taken.
    untaken: usize,
}

/// The waiter of one call.
#[derive(Debug)]
struct Waiter<S> {
    /// The state of the call for its caller.
    progress: Progress,
    /// The threads that sleep until something happens to this call: mostly one, but several threads may resolve one
    /// unknown call.
    sleepers: Vec<S>,
    /// The waker of the future that stands for the call.
    waker: Option<Waker>,
}

/// The state of a call for its caller.
#[derive(Debug)]
enum Progress {
    /// The call has not ended.
    Awaited,
    /// The call has ended, and the caller has not taken its outcome.
    Arrived(Outcome),
    /// The caller has not taken an unknown outcome, and this is what became of the call: it ran.
    Late(UnknownCause, Outcome),
    /// The caller has taken an unknown outcome, and may still learn what became of the call.
    Open,
    /// The outcome of such a call has arrived.
    Resolved(Outcome),
}

impl Progress {
    /// Returns true if the outcome has arrived, and was not taken.
    fn is_untaken(&self) -> bool {
        matches!(self, Progress::Arrived(_) | Progress::Late(..))
    }
}

/// The threads and wakers to be woken once the lock is released: user code must not run under it.
#[derive(Debug)]
pub struct Woken<S> {
    /// Threads that sleep.
    pub sleepers: Vec<S>,
    /// Wakers of futures.
    pub wakers: Vec<Waker>,
}

impl<S> Default for Woken<S> {
    fn default() -> Self {
        Woken { sleepers: Vec::new(), wakers: Vec::new() }
    }
}

impl<S> Default for Waiters<S> {
    fn default() -> Self {
        Waiters { entries: Slab::new(), sleepers: Vec::new(), untaken: 0 }
    }
}

impl<S: Clone + PartialEq + fmt::Debug> Waiters<S> {
    /// Registers a waiter for a call that is about to start.
    pub fn register(&mut self) -> Ticket {
        let waiter = Waiter { progress: Progress::Awaited, sleepers: Vec::new(), waker: None };
        Ticket(self.entries.insert(waiter) as u64)
    }

    /// Removes a waiter, and returns its waker. The waker is user code and may own calls of this client: drop it once the
    /// lock is released.
    #[must_use]
    pub fn remove(&mut self, ticket: Ticket) -> Option<Waker> {
        let waiter = self.entries.try_remove(ticket.0 as usize)?;
        self.untaken -= usize::from(waiter.progress.is_untaken());
        waiter.waker
    }

    /// Returns true if an outcome has arrived and was not taken.
    pub fn has_untaken(&self) -> bool {
        self.untaken > 0
    }

    /// Takes an outcome that has arrived. After an unknown outcome that may be resolved the waiter stays, for its resolution.
    pub fn take(&mut self, ticket: Ticket) -> Option<Outcome> {
        let key = ticket.0 as usize;
        let waiter = self.entries.get_mut(key)?;
        let outcome = match std::mem::replace(&mut waiter.progress, Progress::Awaited) {
            Progress::Arrived(outcome) => {
                self.untaken -= 1;
                outcome
            }
            Progress::Late(cause, outcome) => {
                self.untaken -= 1;
                waiter.progress = Progress::Resolved(outcome);
                return Some(Outcome::Unknown(cause));
            }
            other => {
                waiter.progress = other;
                return None;
            }
        };
        if outcome.may_be_resolved() {
            waiter.progress = Progress::Open;
        } else {
            self.entries.try_remove(key);
        }
        Some(outcome)
    }

    /// Returns true if the outcome has arrived, or if there is no such call.
    pub fn has_outcome(&self, ticket: Ticket) -> bool {
        let waiter = self.entries.get(ticket.0 as usize);
        waiter.is_none_or(|waiter| waiter.progress.is_untaken())
    }

    /// Returns the outcome that has arrived after an unknown one.
    pub fn resolution(&self, ticket: Ticket) -> Option<Outcome> {
        match &self.entries.get(ticket.0 as usize)?.progress {
            Progress::Resolved(outcome) => Some(outcome.clone()),
            _ => None,
        }
    }

    /// Notes that a thread is about to sleep until something happens to a call.
    pub fn sleep(&mut self, ticket: Ticket, sleeper: S) {
        let key = ticket.0 as usize;
        if let Some(waiter) = self.entries.get_mut(key) {
            debug_assert!(self.sleepers.iter().all(|(_, known)| *known != sleeper), "a thread sleeps once");
            waiter.sleepers.push(sleeper.clone());
            self.sleepers.push((key, sleeper));
        }
    }

    /// Notes that a thread is awake again.
    pub fn awake(&mut self, ticket: Ticket, sleeper: &S) {
        let key = ticket.0 as usize;
        if let Some(at) = self.sleepers.iter().rposition(|(of, known)| *of == key && known == sleeper) {
            self.sleepers.remove(at);
        }
        if let Some(waiter) = self.entries.get_mut(key) {
            waiter.sleepers.retain(|known| known != sleeper);
        }
    }

    /// Returns the thread that fell asleep last.
    pub fn newest_sleeper(&self) -> Option<&S> {
        self.sleepers.last().map(|(_, sleeper)| sleeper)
    }

    /// Sets the waker that the outcome wakes. Returns the previous one, which must be dropped once the lock is released.
    #[must_use]
    pub fn set_waker(&mut self, ticket: Ticket, waker: &Waker) -> Option<Waker> {
        let waiter = self.entries.get_mut(ticket.0 as usize)?;
        if waiter.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return None;
        }
        waiter.waker.replace(waker.clone())
    }

    /// Takes the waker back.
    pub fn take_waker(&mut self, ticket: Ticket) -> Option<Waker> {
        self.entries.get_mut(ticket.0 as usize)?.waker.take()
    }

    /// Stores what happened to a call, and adds to `woken` what waits for it.
    pub fn deliver(&mut self, event: Event, woken: &mut Woken<S>) {
        let (tag, progress) = match event {
            Event::Finished(tag, outcome) => (tag, Progress::Arrived(outcome)),
            Event::Resolved(tag, outcome) => (tag, Progress::Resolved(outcome)),
        };
        let Some(waiter) = self.entries.get_mut(tag as usize) else { return };
        let was_untaken = waiter.progress.is_untaken();
        waiter.progress = match (&waiter.progress, progress) {
            (Progress::Awaited, progress) => progress, // the common case
            // The verdict came before the reply, whenever the caller takes it: what came later is not the verdict.
            (Progress::Arrived(Outcome::Unknown(cause)), Progress::Resolved(outcome))
                if outcome.has_run() =>
            {
                Progress::Late(*cause, outcome)
            }
            // A call that never ran is told so, which says more.
            (Progress::Arrived(_), Progress::Resolved(outcome)) => Progress::Arrived(outcome),
            (_, progress) => progress,
        };
        self.untaken += usize::from(waiter.progress.is_untaken());
        self.untaken -= usize::from(was_untaken);
        woken.sleepers.extend(waiter.sleepers.iter().cloned());
        woken.wakers.extend(waiter.waker.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(ticket: Ticket, outcome: Outcome) -> Event {
        Event::Finished(ticket.0, outcome)
    }

    #[test]
    fn an_unknown_call_stays_until_it_is_resolved_and_others_go_when_they_are_taken() {
        let (mut waiters, mut woken) = (Waiters::<u32>::default(), Woken::default());
        let (open, other) = (waiters.register(), waiters.register());
        assert!(!waiters.has_untaken());
        waiters.deliver(finished(open, Outcome::Unknown(UnknownCause::Deadline)), &mut woken);
        waiters.deliver(finished(other, Outcome::Unknown(UnknownCause::Closed)), &mut woken);
        assert_eq!(waiters.take(open), Some(Outcome::Unknown(UnknownCause::Deadline)));
        assert!(waiters.has_untaken(), "the other one");
        assert_eq!(waiters.take(other), Some(Outcome::Unknown(UnknownCause::Closed)));
        assert!(!waiters.has_untaken());
        assert_eq!(waiters.register(), other, "its entry is free again");
        assert_eq!(waiters.resolution(open), None);
        waiters.deliver(Event::Resolved(open.0, Outcome::Panicked("p".into())), &mut woken);
        assert_eq!(waiters.resolution(open), Some(Outcome::Panicked("p".into())));
        let dropped = waiters.register();
        waiters.deliver(finished(dropped, Outcome::Unknown(UnknownCause::Closed)), &mut woken);
        assert!(waiters.has_untaken() && waiters.remove(dropped).is_none() && !waiters.has_untaken());
    }

    #[test]
    fn v11_a_reply_after_the_verdict_unknown_is_no_verdict_whenever_the_caller_takes_it() {
        for cause in [UnknownCause::Deadline, UnknownCause::Unreachable] {
            let (mut waiters, mut woken) = (Waiters::<u32>::default(), Woken::default());
            let (ran, refused) = (waiters.register(), waiters.register());
            let never = Outcome::NotExecuted(crate::error::Reason::Cancelled, String::new());
            for (ticket, outcome) in [(ran, Outcome::GivenUp("g".into())), (refused, never.clone())] {
                waiters.deliver(finished(ticket, Outcome::Unknown(cause)), &mut woken);
                waiters.deliver(Event::Resolved(ticket.0, outcome), &mut woken);
                assert!(waiters.has_outcome(ticket) && waiters.resolution(ticket).is_none());
            }
            assert_eq!(waiters.take(ran), Some(Outcome::Unknown(cause)));
            assert_eq!(waiters.resolution(ran), Some(Outcome::GivenUp("g".into())));
            assert_eq!((waiters.take(ran), waiters.take(refused)), (None, Some(never)));
            assert!(!waiters.has_untaken());
        }
    }

    #[test]
    fn all_threads_that_sleep_for_a_call_are_woken_and_the_newest_is_that_which_sleeps() {
        let (mut waiters, mut woken) = (Waiters::<u32>::default(), Woken::default());
        let (first, second) = (waiters.register(), waiters.register());
        for (ticket, sleeper) in [(first, 1), (first, 2), (second, 3)] {
            waiters.sleep(ticket, sleeper);
        }
        waiters.deliver(finished(first, Outcome::Unknown(UnknownCause::Closed)), &mut woken);
        assert_eq!(woken.sleepers, [1, 2]);
        assert_eq!(waiters.newest_sleeper(), Some(&3));
        waiters.awake(second, &3);
        assert_eq!(waiters.newest_sleeper(), Some(&2));
    }
}
