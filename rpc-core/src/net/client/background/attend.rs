//! Layer 4: a client that is idle: the background worker acknowledges its last replies, and answers GOAWAY.
//!
//! A caller drives until it has its own outcome. The ACK of that reply is due a second later, when no thread of the client may
//! be there; and the server that wants to stop says GOAWAY to a client that does not read. So the worker looks after the
//! client while its own threads do not drive:
//!
//! ```text
//!  in use: a look for each IDLE_AFTER --- no turn since the last look ---> idle: the socket stays in the worker's poll
//!     ^                                                                      |  an event, or a timer: drive once
//!     '----------- a caller drives, and takes the socket back ---------------'
//! ```
//! The driver itself stays with the client's state, so a caller that comes back waits for no other thread.

use std::sync::Arc;
use std::time::Duration;

use super::super::driver::{Driver, SOCKET};
use super::super::inner::ClientInner;
use super::super::state::{ClientState, Driving};
use super::worker::{BackgroundWorker, Job};
use crate::ids::Clock;
use crate::limits::IDLE_AFTER;
use crate::net::os::Event;

impl BackgroundWorker {
    /// Looks after a client: if it is idle, the worker drives it once, which sends the ACKs that are due and reads GOAWAY.
    pub(super) fn attend(&mut self, key: usize, inner: &Arc<ClientInner>, turns: u64, event: Option<&Event>) {
        let mut state = inner.lock();
        let idle = match &state.driving {
            Driving::Idle(driver) => driver.rests_with.is_some() || state.turns == turns,
            Driving::Caller | Driving::Background => false,
        };
        if idle && !state.core.is_closed() {
            drop(state);
            self.take_over(key, event);
        } else {
            self.attend_next(key, &mut state);
        }
    }

    /// Lets the worker look at a client again after a while, if it is to be looked after; else ends its job.
    pub(super) fn attend_next(&mut self, key: usize, state: &mut ClientState) {
        if !state.attended || state.core.is_closed() {
            state.attended = false;
            self.remove(key);
            return;
        }
        if let Some(client) = self.jobs.get_mut(key) {
            client.job = Job::Attend(state.turns);
        }
        self.set_due(key, self.clock.now().plus(IDLE_AFTER));
    }

    /// Gives the driver back to the client. While there is a connection its socket stays in this poll, and the worker looks
    /// after it: at its events, and when its next timer is due, after `ahead`.
    pub(super) fn return_driver(&mut self, key: usize, ahead: Duration, state: &mut ClientState) {
        let Some(client) = self.jobs.get_mut(key) else { return };
        let Job::Drive(mut driver) = std::mem::replace(&mut client.job, Job::Attend(state.turns)) else {
            return;
        };
        (state.background_asked, state.urgent) = (false, false);
        state.attended = driver.transport.is_connected() && !state.core.is_closed();
        if state.attended {
            driver.rests_with = Some(Arc::clone(&self.registry));
            self.set_due(key, self.clock.now().plus(ahead));
        } else {
            let Driver { poll, transport, .. } = &mut *driver;
            if let Err(error) = transport.move_to(self.poll.registry(), poll.registry(), SOCKET) {
                tracing::warn!(%error, "cannot give a socket back");
            }
            self.remove(key);
        }
        state.driving = Driving::Idle(driver);
    }
}
