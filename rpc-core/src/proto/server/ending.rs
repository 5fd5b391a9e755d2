//! Layer 2: the end of a server, step by step: GOAWAY to all, new calls refused, looks until it may end.
//!
//! ```text
//! serves --start_drain--> drains --all idle, each reply acknowledged, written long enough ago, or not fetched in time--> done
//!                           |
//!                           '------grace over: what is queued is refused, what runs is left behind--> done, forced
//! ```

use std::time::Duration;

use super::ServerCore;
use super::drain::{Drain, Look};
use crate::ids::Time;

impl ServerCore {
    /// Begins to drain: every connection gets GOAWAY, new calls are refused, queued and running ones finish.
    pub fn start_drain(&mut self, now: Time) {
        self.drain_within(self.config.limits.grace, now);
    }

    /// Begins to drain, and ends after `grace` at the latest. A drain under way ends by then if that is sooner.
    pub fn drain_within(&mut self, grace: Duration, now: Time) {
        let ends = now.plus(grace);
        if let Some(drain) = &mut self.drain {
            // GOAWAY was sent. A second call can bring the end forward, and never put it off.
            return drain.end_by(ends);
        }
        self.drain = Some(Drain::new(ends, self.counters.drain_events(), now));
        self.links.tell_draining();
    }

    /// Returns true if the server may end now.
    pub fn is_drained(&self) -> bool {
        self.drain.as_ref().is_some_and(Drain::is_done)
    }

    /// Returns true if a drain ended by force, with calls left behind.
    pub fn was_forced(&self) -> bool {
        self.drain.as_ref().is_some_and(Drain::was_forced)
    }

    pub(super) fn check_drain(&mut self, now: Time) {
        // Taken out while the look reads the rest of the server, and put back below.
        let Some(mut drain) = self.drain.take_if(|drain| drain.is_due(now)) else { return };
        let is_idle = self.running == 0 && self.links.queue.calls == 0;
        let most = self.config.limits.drain_detached;
        let waits_for = |since| drain.waits_for(since, most, now);
        let facts = self.links.drain_facts(is_idle, self.counters.drain_events(), waits_for);
        let look = drain.look(facts, self.config.limits.drain_linger, now);
        self.drain = Some(drain);
        if look == Look::GraceOver {
            // Refused and not dropped, so that a client which is still connected learns that its call did not run.
            self.refuse_queue();
            self.give_up_held(now);
        }
    }

    /// Refuses every call that still waits to run.
    fn refuse_queue(&mut self) {
        for (session, place) in self.links.take_places() {
            if let Some(mut filter) = self.find_filter(session, place.slot) {
                filter.refuse_place(place);
            }
        }
    }
}
