//! Layer 4: a client that is idle: the background worker acknowledges its last replies, and answers GOAWAY.
//!
//! A caller drives until it has its own outcome. The ACK of that reply is due a second later, when no thread of the client may
//! be there; and the server that wants to stop says GOAWAY to a client that does not read. So the worker looks after the
//! client while its own threads do not drive:
//!
//! ```text
//!  in use: a look for each IDLE_AFTER --- no turn for IDLE_AFTER ---> idle: the socket stays in the worker's poll
//!     ^                                                                 |  an event, or a timer: drive once
//!     '----------- a caller drives, and takes the socket back ----------'
//! ```
//! The driver itself stays with the client's state, so a caller that comes back waits for no other thread.
//!
//! The worker is asked after the first reply, and not once the ACK is due: no caller knows that no other call follows its own, and
//! then no thread would be there. What calls pay for it is what the C library of Linux does in a process with a second thread:
//! about 145 instructions more in one write, one poll and one read. The worker itself looks 20 times a second.

use std::sync::Arc;

use super::super::driver::{Driver, SOCKET};
use super::super::inner::ClientInner;
use super::super::state::{ClientState, Driving};
use super::worker::{BackgroundWorker, Job};
use crate::ids::{Clock, Time};
use crate::limits::IDLE_AFTER;
use crate::log;
use crate::net::os::Event;

impl BackgroundWorker {
    /// Looks after a client: if it is idle, the worker drives it once, which sends the ACKs that are due and reads GOAWAY.
    pub(super) fn attend(&mut self, key: usize, inner: &Arc<ClientInner>, event: Option<&Event>) {
        let now = inner.clock.now();
        let mut state = inner.lock();
        if !state.core.is_closed() && idle_at(&state, now) <= now {
            drop(state);
            self.take_over(key, event);
        } else {
            self.attend_next(key, now, &mut state);
        }
    }

    /// Lets the worker look at a client again when it may be idle, if it is to be looked after; else ends its job.
    pub(super) fn attend_next(&mut self, key: usize, now: Time, state: &mut ClientState) {
        if !state.attended || state.core.is_closed() {
            state.attended = false;
            self.remove(key);
            return;
        }
        if let Some(client) = self.jobs.get_mut(key) {
            client.job = Job::Attend;
        }
        self.set_due_of(key, idle_at(state, now).max(now), now);
    }

    /// Gives the driver back to the client. While there is a connection its socket stays in this poll, and the worker looks
    /// after it: at its events, and at its next timer, which is `due`.
    pub(super) fn return_driver(&mut self, key: usize, due: Time, now: Time, state: &mut ClientState) {
        let Some(client) = self.jobs.get_mut(key) else { return };
        let Job::Drive(mut driver) = std::mem::replace(&mut client.job, Job::Attend) else { return };
        (state.background_asked, state.urgent) = (false, false);
        state.attended = driver.transport.is_connected() && !state.core.is_closed();
        if state.attended {
            driver.rests_with = Some(Arc::clone(&self.registry));
            self.set_due_of(key, due, now);
        } else {
            let Driver { poll, transport, .. } = &mut *driver;
            if let Err(error) = transport.move_to(self.poll.registry(), poll.registry(), SOCKET) {
                log::warn!(%error, "cannot give a socket back");
            }
            self.remove(key);
        }
        state.driving = Driving::Idle(driver);
    }
}

/// Returns the time at which a client is idle if its own threads do not drive it until then. One that rests is.
fn idle_at(state: &ClientState, now: Time) -> Time {
    match &state.driving {
        Driving::Idle(driver) if driver.rests_with.is_some() => now,
        Driving::Idle(driver) => driver.last_turn.plus(IDLE_AFTER),
        Driving::Caller | Driving::Background => now.plus(IDLE_AFTER),
    }
}
