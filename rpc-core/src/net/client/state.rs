//! Layer 4: the state of a client under its lock: the protocol, the waiters, and the role of the driver.
//!
//! One thread at a time drives: it moves the bytes of all callers.
//! ```text
//!                     take_driver(Caller)                    take_driver(Background)
//!      CALLER  <--------------------------  IDLE  --------------------------------->  BACKGROUND
//!      a caller waits for its own     the state has the           the background worker moves the bytes
//!      outcome and moves all bytes    driver (its poll and        of calls that no thread waits for
//!        |                            its socket)                                     |
//!        |                             ^  ^  |                                        |
//!        '--- its outcome is there ----'  |  |  pass_role:                            |
//!             or its limit is over        |  |    a thread sleeps  --> wake the newest: it drives
//!                                         |  |    calls are owed   --> ask the background worker
//!                                         |  '--> nothing is owed  --> stay IDLE      |
//!                                         '------------- nothing is owed -------------'
//! ```
//! A thread that panics while it drives takes the driver with it: `special_cases` opens another one, and another session.

use super::driver::Driver;
use super::special_cases::LeftSessions;
use crate::call::{Recovered, Waiters, Woken};
use crate::ids::Time;
use crate::log;
use crate::net::os;
use crate::net::sync::thread::Thread;
use crate::panics::contain;
use crate::proto::client::{ClientCore, ClientCounters};

/// The thread that drives the client.
#[derive(Debug)]
pub(super) enum Driving {
    /// No thread: the next thread that needs the driver takes it.
    Idle(Box<Driver>),
    /// A caller that waits.
    Caller,
    /// The background worker.
    Background,
}

/// The state of a client, under its lock.
///
/// Invariant, asserted by [`ClientState::pass_role`]: while a thread sleeps in `waiters`, another thread drives, or a
/// sleeping thread has been woken to drive.
#[derive(Debug)]
pub(super) struct ClientState {
    /// The protocol of the session that takes new calls.
    pub(super) core: ClientCore,
    /// The thread that drives, or the driver if no thread does.
    pub(super) driving: Driving,
    /// True while the driver polls, or is about to: a thread with bytes to send must wake it.
    pub(super) polling: bool,
    /// The time at which the driver's poll ends by itself: a call with an earlier timer must wake it.
    pub(super) sleeps_until: Time,
    /// Wakes a caller that drives out of its poll.
    pub(super) waker: os::Waker,
    /// True if the background worker was asked to watch this client, and has not said that it stopped.
    pub(super) background_asked: bool,
    /// True if the background worker will look at the client after a while, or has its socket while it is idle.
    pub(super) attended: bool,
    /// True if a future waits, which is no thread and cannot drive: the background worker must drive at once.
    pub(super) urgent: bool,
    /// The number of turns driven so far, which shows the background worker that a thread drives.
    pub(super) turns: u64,
    /// The sessions that the client has left: one may drain.
    pub(super) left: LeftSessions,
    /// The calls whose outcome was not taken yet, and the threads that sleep for them.
    pub(super) waiters: Waiters<Sleeper>,
    /// The calls of an earlier process, until they are taken.
    pub(super) recovered: Vec<Recovered>,
}

/// A thread that sleeps until its outcome is there or it must drive.
#[derive(Clone, Debug)]
pub(super) struct Sleeper(pub(super) Thread);

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

/// The threads and wakers to be woken once the lock is released: user code must not run under it.
#[derive(Debug, Default)]
pub(super) struct PendingWakeups(Woken<Sleeper>);

impl PendingWakeups {
    /// Wakes all of them. A waker that panics must not end the thread that drives.
    pub(super) fn send(self) {
        if self.0.sleepers.is_empty() && self.0.wakers.is_empty() {
            return; // the common case
        }
        self.0.sleepers.iter().for_each(|sleeper| sleeper.0.unpark());
        for waker in self.0.wakers {
            if contain(|| waker.wake()).is_none() {
                log::error!("a waker panicked");
            }
        }
    }
}

impl ClientState {
    /// Returns the state of a client without a session.
    pub(super) fn new(core: ClientCore, driver: Box<Driver>, waker: os::Waker) -> Self {
        ClientState {
            core,
            driving: Driving::Idle(driver),
            polling: false,
            sleeps_until: Time::default(),
            waker,
            background_asked: false,
            attended: false,
            urgent: false,
            turns: 0,
            left: LeftSessions::default(),
            waiters: Waiters::default(),
            recovered: Vec::new(),
        }
    }

    /// Delivers outcomes to their waiters. Returns true if there were any.
    ///
    /// A caller that drives does not sleep in `waiters`, so the wakeups do not wake it: a thread that delivers for it must
    /// wake it as the driver.
    pub(super) fn deliver(&mut self, wakeups: &mut PendingWakeups) -> bool {
        let mut delivered = false;
        while let Some(event) = self.core.poll_event() {
            self.waiters.deliver(event, &mut wakeups.0);
            delivered = true;
        }
        while let Some(event) = self.left.poll_event() {
            self.waiters.deliver(event, &mut wakeups.0);
            delivered = true;
        }
        delivered
    }

    /// Returns the counters of all sessions of the client: of its present one, and of those that it has left.
    pub(super) fn counters(&self) -> ClientCounters {
        self.core.counters().plus(self.left.counters())
    }

    /// Returns true if the driver must wake before its current timeout: there are bytes to send, or a timer that is due
    /// earlier.
    pub(super) fn must_wake_driver(&self) -> bool {
        self.core.wants_transmit() || self.core.poll_timeout().is_some_and(|due| due < self.sleeps_until)
    }

    /// Passes the role of the driver on if no thread has it: to the newest sleeper, which waits longest. Returns true if no
    /// thread sleeps although a reply or a frame is owed: then the background worker must be asked.
    pub(super) fn pass_role(&mut self, wakeups: &mut PendingWakeups) -> bool {
        if !matches!(self.driving, Driving::Idle(_)) {
            return false;
        }
        if let Some(sleeper) = self.waiters.newest_sleeper() {
            wakeups.0.sleepers.push(sleeper.clone());
            self.check(wakeups);
            return false;
        }
        let ask = self.core.owes() && !self.background_asked;
        self.background_asked |= ask;
        self.check(wakeups);
        ask
    }

    /// Asserts what holds after the role was passed on.
    fn check(&self, wakeups: &PendingWakeups) {
        let idle = matches!(self.driving, Driving::Idle(_));
        debug_assert!(!self.polling || !idle, "only a thread that drives can poll");
        let sleeps = self.waiters.newest_sleeper().is_some();
        debug_assert!(!idle || !sleeps || !wakeups.0.sleepers.is_empty(), "a thread sleeps and none drives");
        debug_assert!(
            !idle || sleeps || !self.core.owes() || self.background_asked,
            "no thread drives owed calls"
        );
    }

    /// Takes the driver for `role`, if no thread drives.
    pub(super) fn take_driver(&mut self, role: Driving) -> Option<Box<Driver>> {
        if !matches!(self.driving, Driving::Idle(_)) {
            return None;
        }
        debug_assert!(!matches!(role, Driving::Idle(_)), "a thread that takes the driver drives");
        let takes_socket = matches!(role, Driving::Caller);
        match std::mem::replace(&mut self.driving, role) {
            Driving::Idle(mut driver) => {
                if takes_socket && driver.rests_with.is_some() {
                    driver.take_socket_back();
                    self.attended = false; // the worker hears no event of it any more, so it is asked again
                }
                Some(driver)
            }
            Driving::Caller | Driving::Background => None, // excluded above
        }
    }

    /// Returns true if the background worker is to be asked to look after the client when it is idle. Once asked it looks again
    /// and again, so a client that is in use asks once.
    #[inline]
    pub(super) fn needs_attention(&self) -> bool {
        !self.attended && matches!(self.driving, Driving::Idle(_)) && self.core.owes_ack()
    }
}
