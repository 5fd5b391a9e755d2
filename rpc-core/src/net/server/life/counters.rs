//! Layer 4: the counters of a loop for a thread that does not own it.
//!
//! ```text
//!  the loop has ended?   --> the counters of its end
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

/// Returns the counters of the loop: from its result, from the parked loop, or by a command to its owner.
pub(super) fn counters(owner: &LoopOwner) -> ServerCounters {
    // Counted down, not read from a clock: a process that was suspended has still asked only once.
    let mut left = COUNTERS_WAIT;
    while !left.is_zero() {
        let mut inner = owner.lock();
        inner.counter_requests += 1;
        let request = inner.counter_requests;
        let known = match (&inner.ended, &inner.parked_loop) {
            (Some(ended), _) => Some(ended.counters),
            (None, Some(event_loop)) => Some(event_loop.core.counters()),
            (None, None) => None,
        };
        if let Some(counters) = known {
            inner.last_counters = (request, counters);
            return counters;
        }
        let (reply, replied) = mpsc::channel();
        // Under the lock, so that replies come in the order of the requests.
        owner.commands.push(Command::Counters(reply));
        drop(inner);
        if let Ok(counters) = replied.recv_timeout(COUNTERS_RETRY) {
            let mut inner = owner.lock();
            if request > inner.last_counters.0 {
                inner.last_counters = (request, counters);
            }
            return counters;
        }
        left = left.saturating_sub(COUNTERS_RETRY);
    }
    owner.lock().last_counters.1
}

/// Returns the time at which the oldest slow call began.
pub(super) fn oldest_slow(owner: &LoopOwner) -> Option<Time> {
    owner.lock().slow.oldest()
}
