//! Floor 2: the end of a server: no new sessions, no new calls, the running ones finish, and everybody is told.

use std::time::Duration;

use super::ServerCore;
use super::connection::Stage;
use crate::error::Reason;
use crate::ids::Time;
use crate::wire::frame::{Header, Kind};

/// How often a draining server looks whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A drain under way.
#[derive(Debug)]
pub(super) struct Drain {
    /// The end of the grace time.
    ends: Time,
    next: Time,
    /// Since when every attached session has had all its answers written.
    /// An answer that is sent, or a session that is resumed, begins it anew.
    quiet_since: Option<Time>,
    done: bool,
    forced: bool,
}

impl Drain {
    pub(super) fn next_look(&self) -> Time {
        if self.done { Time::NEVER } else { self.next }
    }
}

impl ServerCore {
    /// Begins to drain: every connection gets GOAWAY, new calls are refused, queued and running ones finish.
    pub fn start_drain(&mut self, now: Time) {
        self.drain_within(self.config.limits.grace, now);
    }

    /// The same, to end after `grace` at the latest; a drain under way ends by then if that is sooner.
    pub fn drain_within(&mut self, grace: Duration, now: Time) {
        let ends = now.plus(grace);
        if let Some(drain) = &mut self.drain {
            drain.ends = drain.ends.min(ends);
            drain.next = drain.next.min(drain.ends);
            return;
        }
        self.drain = Some(Drain { ends, next: now, quiet_since: None, done: false, forced: false });
        let attached: Vec<_> = self.connections.iter().map(|(conn, c)| (conn, c.stage)).collect();
        for (conn, stage) in attached {
            match stage {
                Stage::Attached(_) => self.send(conn, &Header::new(Kind::GoAway), &[]),
                Stage::Greeting => self.close(conn, Stage::Closing),
                Stage::Closing | Stage::Closed => {}
            }
        }
    }

    /// Whether the server may end now.
    pub fn is_drained(&self) -> bool {
        self.drain.as_ref().is_some_and(|drain| drain.done)
    }

    /// Whether a drain ended by force, with calls left behind.
    pub fn was_forced(&self) -> bool {
        self.drain.as_ref().is_some_and(|drain| drain.forced)
    }

    /// Lets a drain linger from its next look on, as if nothing had been quiet before.
    pub(super) fn linger_anew(&mut self) {
        if let Some(drain) = &mut self.drain {
            drain.quiet_since = None;
        }
    }

    /// Looks whether the drain is done: nothing queued or running, and every session has ended, or is acknowledged, or
    /// is attached with all its answers written for a while; or the grace time is over.
    pub(super) fn drain_step(&mut self, now: Time) {
        let Some(drain) = self.drain.as_ref().filter(|drain| !drain.done && drain.next <= now) else {
            return;
        };
        let grace_over = drain.ends <= now;
        let quiet_since = drain.quiet_since;
        let idle = self.running == 0 && self.queue.is_empty();
        let written =
            |conn: usize| self.connections.get(conn).is_some_and(|c| c.outgoing.unsent().is_empty());
        let mut acknowledged = true;
        let mut quiet = true;
        for session in self.sessions.iter() {
            if !session.is_acknowledged() {
                acknowledged = false;
                quiet &= session.attached.is_some_and(written);
            }
        }
        let quiet_since = (idle && quiet).then(|| quiet_since.unwrap_or(now));
        let lingered = quiet_since.is_some_and(|since| now.since(since) >= self.config.limits.drain_linger);
        let done = grace_over || (idle && (acknowledged || lingered));
        if grace_over {
            self.refuse_queue(Reason::Draining);
        }
        if let Some(drain) = self.drain.as_mut() {
            drain.next = now.plus(LOOK_EVERY).min(drain.ends.max(now));
            drain.quiet_since = quiet_since;
            drain.done = done;
            drain.forced = grace_over && !idle;
        }
    }
}
