//! Layer 4: the counters of a loop for a thread that does not own it.
//!
//! ```text
//!  the loop has ended?   --> the counters of its end; if it was lost without them, the newest that are known
//!  the loop is parked?   --> read under the lock
//!  its owner drives it?  --> Command::Counters, answered at the next turn; after a while from the top
//! ```

use std::time::Duration;

use super::super::commands::Command;
use super::super::loop_owner::LoopOwner;
use crate::ids::Time;
use crate::limits::COUNTERS_WAIT;
use crate::net::sync::mpsc;
use crate::proto::server::ServerCounters;

/// The wait for a reply to one request for counters. After it the loop may be parked, and is read under the lock.
const COUNTERS_RETRY: Duration = Duration::from_millis(20);

/// The newest counters that are known of a loop, so that counters do not go back when the loop cannot reply.
#[derive(Debug, Default)]
pub(in crate::net::server) struct LastCounters {
    /// The number of requests so far. The loop replies in their order, and the threads that asked run in any.
    requests: u64,
    /// The number of the request that `counters` reply to.
    request: u64,
    /// The counters.
    counters: ServerCounters,
    /// The counters of the loop at its end. `None` while it lives, and if it was lost: then replies may still be on their way.
    at_end: Option<ServerCounters>,
}

impl LastCounters {
    /// Returns the number of a new request.
    fn ask(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    /// Keeps the reply to a request, unless that to a later one is known.
    fn learn(&mut self, request: u64, counters: ServerCounters) {
        debug_assert!(request <= self.requests, "a reply follows its request");
        if request > self.request {
            (self.request, self.counters) = (request, counters);
        }
    }

    /// Notes the end of the loop, with its counters if it was there.
    pub(super) fn end(&mut self, counters: Option<ServerCounters>) {
        self.at_end = counters.or(self.at_end);
    }

    /// Returns the newest counters; zeros if no request had a reply.
    fn get(&self) -> ServerCounters {
        self.at_end.unwrap_or(self.counters)
    }
}

/// Returns the counters of the loop: from its result, from the parked loop, or by a command to its owner.
pub(super) fn counters(owner: &LoopOwner) -> ServerCounters {
    // Counted down, not read from a clock: a process that was suspended has still asked only once.
    let mut left = COUNTERS_WAIT;
    while !left.is_zero() {
        let mut inner = owner.lock();
        if inner.ended.is_some() {
            return inner.last_counters.get();
        }
        let request = inner.last_counters.ask();
        if let Some(counters) = inner.parked_loop.as_ref().map(|event_loop| event_loop.core.counters()) {
            inner.last_counters.learn(request, counters);
            return counters;
        }
        let (reply, replied) = mpsc::channel();
        // Under the lock, so that replies come in the order of the requests.
        owner.commands.push(Command::Counters(reply));
        drop(inner);
        if let Ok(counters) = replied.recv_timeout(COUNTERS_RETRY) {
            owner.lock().last_counters.learn(request, counters);
            return counters;
        }
        left = left.saturating_sub(COUNTERS_RETRY);
    }
    owner.lock().last_counters.get()
}

/// Returns the time at which the oldest slow call began.
pub(in crate::net::server) fn oldest_slow(owner: &LoopOwner) -> Option<Time> {
    owner.lock().slow.oldest()
}

#[cfg(test)]
mod tests {
    use super::LastCounters;
    use crate::proto::server::ServerCounters;

    #[test]
    fn a_reply_that_its_thread_keeps_late_does_not_set_counters_back() {
        let mut last = LastCounters::default();
        let counters = |calls| ServerCounters { calls, ..ServerCounters::default() };
        let (first, second) = (last.ask(), last.ask());
        last.learn(second, counters(2));
        last.learn(first, counters(1));
        assert_eq!(last.get(), counters(2));
        let third = last.ask();
        last.learn(third, counters(3));
        assert_eq!(last.get(), counters(3));
    }

    #[test]
    fn a_reply_that_is_on_its_way_while_the_loop_is_lost_does_not_set_counters_back() {
        let mut last = LastCounters::default();
        let counters = |calls| ServerCounters { calls, ..ServerCounters::default() };
        let (first, second) = (last.ask(), last.ask());
        last.learn(first, counters(1));
        last.end(None); // its last thread has panicked, say
        last.learn(second, counters(2)); // its thread reads it only now, and tells its caller 2
        assert_eq!(last.get(), counters(2));
        last.end(Some(counters(3)));
        last.end(None);
        assert_eq!(last.get(), counters(3));
    }
}
