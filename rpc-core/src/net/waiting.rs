//! Layer 4: waits for the events of a poll: it looks for a while, if that is asked for, and then sleeps.
//!
//! A thread that sleeps in the kernel needs 3 to 30 microseconds until it runs again, which is most of the time of a short call
//! between two cores. A thread that looks again and again has its event at once, and costs a core meanwhile.

use std::io;
use std::time::Duration;

use super::os::{Events, Poll};
use super::sync::{Instant, thread};

/// Waits for the events of one poll.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The time for which the thread looks before it sleeps.
    spin: Duration,
    /// The number of times in a row that looking has found nothing in that time, up to [`MOST_MISSES`].
    misses: u32,
    /// The number of waits that go to sleep at once, since looking was of no use.
    skip: u32,
}

/// After `n` misses `2^n` waits go to sleep at once: where looking does not help, one in a thousand waits looks.
const MOST_MISSES: u32 = 10;

impl Waiting {
    /// Returns a value that looks for `spin` before it sleeps; zero sleeps at once.
    pub(super) fn new(spin: Duration) -> Self {
        Waiting { spin, misses: 0, skip: 0 }
    }

    /// Waits for events until `limit` is over.
    ///
    /// # Errors
    /// As `Poll::poll`.
    #[inline]
    pub(super) fn wait(
        &mut self,
        poll: &mut Poll,
        events: &mut Events,
        limit: Option<Duration>,
    ) -> io::Result<()> {
        let has_time = limit.is_none_or(|limit| !limit.is_zero());
        if self.spin.is_zero() || !has_time {
            return poll.poll(events, limit);
        }
        if self.skip > 0 {
            self.skip -= 1;
            return poll.poll(events, limit);
        }
        self.look(poll, events, limit)
    }

    /// Looks for events again and again, and yields to other threads of its core in between; then it sleeps. On a busy core
    /// a yield may take longer than any sleep: that counts as a miss, whatever was found.
    fn look(&mut self, poll: &mut Poll, events: &mut Events, limit: Option<Duration>) -> io::Result<()> {
        let spin = limit.map_or(self.spin, |limit| self.spin.min(limit));
        let began = Instant::now();
        loop {
            poll.poll(events, Some(Duration::ZERO))?;
            let (found, spent) = (events.iter().next().is_some(), began.elapsed());
            if spent >= spin {
                self.misses = (self.misses + 1).min(MOST_MISSES);
                self.skip = 1 << self.misses;
                let left = limit.map(|limit| limit.saturating_sub(spent));
                return if found { Ok(()) } else { poll.poll(events, left) };
            }
            if found {
                self.misses = 0;
                return Ok(());
            }
            thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::os::{Token, Waker};

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn an_event_ends_the_looking_as_it_ends_the_sleep() {
        for spin in [Duration::ZERO, LONG] {
            let (mut poll, mut events) = (Poll::new().expect("a poll"), Events::with_capacity(4));
            let waker = Waker::new(poll.registry(), Token(7)).expect("a waker");
            let other = std::thread::spawn(move || waker.wake().map(|()| waker));
            Waiting::new(spin).wait(&mut poll, &mut events, Some(LONG)).expect("it polls");
            assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [Token(7)]);
            drop(other.join());
        }
    }

    #[test]
    fn without_an_event_it_returns_when_the_limit_is_over_whatever_the_spin() {
        let (mut poll, mut events) = (Poll::new().expect("a poll"), Events::with_capacity(4));
        for spin in [Duration::ZERO, Duration::from_micros(50), LONG] {
            let limit = Some(Duration::from_millis(1));
            Waiting::new(spin).wait(&mut poll, &mut events, limit).expect("it polls");
            assert!(events.iter().next().is_none());
        }
    }

    #[test]
    fn looking_that_finds_nothing_becomes_rare() {
        let (mut poll, mut events) = (Poll::new().expect("a poll"), Events::with_capacity(4));
        let mut waiting = Waiting::new(Duration::from_nanos(1));
        let mut looked = 0;
        for _ in 0..1000 {
            looked += usize::from(waiting.skip == 0);
            waiting.wait(&mut poll, &mut events, Some(Duration::from_nanos(1))).expect("it polls");
        }
        assert!(looked <= 10, "{looked} of 1,000");
    }
}
