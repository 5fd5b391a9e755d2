//! Floor 4: what the threads of a client share: the protocol, who waits for what, and who drives.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::driver::Driver;
use super::wire::Wire;
use crate::call::{Waiters, Woken};
use crate::ids::Time;
use crate::net::os;
use crate::net::sync::thread::Thread;
use crate::proto::client::ClientCore;

/// Who moves the bytes.
#[derive(Debug)]
pub(super) enum Driving {
    /// Nobody: whoever wants something takes it up.
    Nobody(Box<Driver>),
    /// A caller that waits.
    Caller,
    /// The background thread.
    Background,
}

/// Behind the client's mutex.
///
/// Invariant: while a caller is parked, somebody drives, or has been woken to.
#[derive(Debug)]
pub(super) struct State {
    pub(super) core: ClientCore,
    pub(super) driving: Driving,
    /// The driver is about to wait for the kernel, or does: who has something to send must wake it.
    pub(super) polling: bool,
    /// Until when the driver sleeps unless it is woken: a call with an earlier timer must wake it.
    pub(super) sleeps_until: Time,
    /// Wakes a caller that drives out of its poll.
    pub(super) waker: os::Waker,
    /// The background thread has been asked to look after what nobody waits for.
    pub(super) armed: bool,
    /// Somebody waits by a waker, and not by a thread: the background thread is to drive at once.
    pub(super) urgent: bool,
    /// Turns driven so far: the background thread sees by it whether somebody is at it.
    pub(super) turns: u64,
    /// A session that takes no new calls and lives until its last dirty slot is answered; the background thread has
    /// its socket.
    pub(super) retired: Option<Box<ClientCore>>,
    pub(super) waiters: Waiters<Sleeper>,
}

/// A thread that sleeps until its answer is here or it is to drive.
#[derive(Clone, Debug)]
pub(super) struct Sleeper(pub(super) Thread);

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

/// Those to be woken once the lock is released: user code must not run under it.
#[derive(Debug, Default)]
pub(super) struct Wakes(Woken<Sleeper>);

impl Wakes {
    /// A waker that panics must not take the driver, or the background thread, with it.
    pub(super) fn send(self) {
        self.0.sleepers.iter().for_each(|sleeper| sleeper.0.unpark());
        for waker in self.0.wakers {
            if catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
                tracing::error!("a waker panicked");
            }
        }
    }
}

impl State {
    pub(super) fn new(core: ClientCore, driver: Box<Driver>, waker: os::Waker) -> Self {
        State {
            core,
            driving: Driving::Nobody(driver),
            polling: false,
            sleeps_until: Time::default(),
            waker,
            armed: false,
            urgent: false,
            turns: 0,
            retired: None,
            waiters: Waiters::default(),
        }
    }

    /// Hands verdicts to those who wait for them. Says whether there were any: a caller that drives does not sleep
    /// among those who are woken, so whoever delivers in its stead must wake it as the driver.
    pub(super) fn deliver(&mut self, wakes: &mut Wakes) -> bool {
        let mut delivered = false;
        while let Some(event) = self.core.poll_event() {
            self.waiters.deliver(event, &mut wakes.0);
            delivered = true;
        }
        while let Some(event) = self.retired.as_mut().and_then(|retired| retired.poll_event()) {
            self.waiters.deliver(event, &mut wakes.0);
            delivered = true;
        }
        delivered
    }

    /// Whether the driver must look before it has slept its fill: there are bytes to send, or a timer before its own.
    pub(super) fn driver_must_look(&self) -> bool {
        self.core.wants_transmit() || self.core.poll_timeout().is_some_and(|due| due < self.sleeps_until)
    }

    /// Whoever leaves while nobody drives passes the role on: to the newest sleeper, which stays longest. `true`: nobody
    /// sleeps although something is owed, so the background thread must be asked.
    pub(super) fn hand_on(&mut self, wakes: &mut Wakes) -> bool {
        if !matches!(self.driving, Driving::Nobody(_)) {
            return false;
        }
        if let Some(sleeper) = self.waiters.newest_sleeper() {
            wakes.0.sleepers.push(sleeper.clone());
            return false;
        }
        let ask = self.core.owes() && !self.armed;
        self.armed |= ask;
        ask
    }

    /// Takes the driver if nobody drives.
    pub(super) fn take_driver(&mut self, as_whom: Driving) -> Option<Box<Driver>> {
        if !matches!(self.driving, Driving::Nobody(_)) {
            return None;
        }
        match std::mem::replace(&mut self.driving, as_whom) {
            Driving::Nobody(driver) => Some(driver),
            Driving::Caller | Driving::Background => None, // seen above
        }
    }

    /// Begins anew in a forked child: its parent's session is left without a word, and its parent's threads are not
    /// here. Whoever of them drove has kept the old driver, whose descriptors stay open.
    pub(super) fn start_over(&mut self, driver: Box<Driver>, waker: os::Waker, now: Time) {
        let mut wakes = Wakes::default();
        self.begin_anew(driver, waker, now, &mut wakes);
        std::mem::forget(wakes); // copies of what sleeps in the parent: nobody of this process is to be woken
        self.waiters.forget_sleepers();
    }

    /// Gives every session up without a word; calls that were sent are unknown, the others go on with a new session.
    pub(super) fn begin_anew(&mut self, driver: Box<Driver>, waker: os::Waker, now: Time, wakes: &mut Wakes) {
        self.core.abandon_session(now);
        if let Some(retired) = &mut self.retired {
            retired.abandon_session(now);
        }
        self.deliver(wakes);
        self.retired = None;
        self.driving = Driving::Nobody(driver);
        self.waker = waker;
        (self.polling, self.armed, self.urgent) = (false, false, false);
    }

    /// Leaves a session whose slots are all dirty to resolve itself, and lets `fresh` take the new calls. Gives the old
    /// session's socket.
    pub(super) fn retire_if_stuck(
        &mut self,
        wire: &mut Wire,
        now: Time,
        fresh: impl FnOnce() -> ClientCore,
    ) -> Option<Wire> {
        if self.retired.is_some() || !self.core.is_stuck(now) {
            return None;
        }
        let mut successor = fresh();
        self.core.move_waiting_to(&mut successor);
        let core = std::mem::replace(&mut self.core, successor);
        self.retired = Some(Box::new(core));
        Some(std::mem::take(wire))
    }
}
