//! Floor 4: what the threads of a client share: the protocol, who waits for what, and who drives.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use slab::Slab;

use super::driver::Driver;
use super::wire::Wire;
use crate::call::Ticket;
use crate::ids::Time;
use crate::net::os;
use crate::net::sync::thread::Thread;
use crate::proto::client::{ClientCore, Event};
use crate::proto::{Doubt, Outcome};

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
    waiters: Slab<Waiter>,
    parked: Vec<(usize, Thread)>, // waiters whose threads sleep, newest last
}

#[derive(Debug)]
enum Answer {
    Awaited,
    Here(Outcome),
    /// Unknown by deadline, and told so: the question is open.
    Open,
    Resolved(Outcome),
}

#[derive(Debug)]
struct Waiter {
    answer: Answer,
    threads: Vec<Thread>, // that sleep: one, but several may ask at once what became of an unknown call
    waker: Option<Waker>,
}

/// Those to be woken once the lock is released: user code must not run under it.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    threads: Vec<Thread>,
    wakers: Vec<Waker>,
}

impl Wakes {
    /// A waker that panics must not take the driver, or the background thread, with it.
    pub(super) fn send(self) {
        self.threads.iter().for_each(Thread::unpark);
        for waker in self.wakers {
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
            waiters: Slab::new(),
            parked: Vec::new(),
        }
    }

    /// A place for the answer to a call that is about to start.
    pub(super) fn expect_answer(&mut self) -> Ticket {
        Ticket(
            self.waiters.insert(Waiter { answer: Answer::Awaited, threads: Vec::new(), waker: None }) as u64
        )
    }

    /// Gives a place up. The waker that was left there is to be dropped once the lock is released: it is user code,
    /// and may own calls of this client.
    #[must_use]
    pub(super) fn drop_place(&mut self, ticket: Ticket) -> Option<Waker> {
        self.waiters.try_remove(ticket.0 as usize)?.waker
    }

    /// Takes an outcome that is here. The place stays while the question is open.
    pub(super) fn take_answer(&mut self, ticket: Ticket) -> Option<Outcome> {
        let key = ticket.0 as usize;
        let waiter = self.waiters.get_mut(key)?;
        if !matches!(waiter.answer, Answer::Here(_)) {
            return None;
        }
        let Answer::Here(outcome) = std::mem::replace(&mut waiter.answer, Answer::Awaited) else {
            return None; // seen above
        };
        if outcome == Outcome::Unknown(Doubt::Deadline) {
            waiter.answer = Answer::Open;
        } else {
            self.waiters.try_remove(key);
        }
        Some(outcome)
    }

    pub(super) fn has_answer(&self, ticket: Ticket) -> bool {
        let waiter = self.waiters.get(ticket.0 as usize);
        waiter.is_none_or(|waiter| matches!(waiter.answer, Answer::Here(_)))
    }

    /// What an open question was resolved to.
    pub(super) fn resolution(&self, ticket: Ticket) -> Option<Outcome> {
        match &self.waiters.get(ticket.0 as usize)?.answer {
            Answer::Resolved(outcome) => Some(outcome.clone()),
            _ => None,
        }
    }

    /// Notes that a thread is about to sleep until its answer is here or it is to drive.
    pub(super) fn park(&mut self, ticket: Ticket, thread: Thread) {
        let key = ticket.0 as usize;
        if let Some(waiter) = self.waiters.get_mut(key) {
            waiter.threads.push(thread.clone());
            self.parked.push((key, thread));
        }
    }

    /// Notes that a thread is awake again.
    pub(super) fn unpark(&mut self, ticket: Ticket, thread: &Thread) {
        let key = ticket.0 as usize;
        if let Some(at) = self.parked.iter().rposition(|(at, who)| *at == key && who.id() == thread.id()) {
            self.parked.remove(at);
        }
        if let Some(waiter) = self.waiters.get_mut(key) {
            waiter.threads.retain(|who| who.id() != thread.id());
        }
    }

    /// Leaves a waker to be woken by the answer. Gives the one that lay there, to be dropped once the lock is released.
    #[must_use]
    pub(super) fn set_waker(&mut self, ticket: Ticket, waker: &Waker) -> Option<Waker> {
        let waiter = self.waiters.get_mut(ticket.0 as usize)?;
        if waiter.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return None;
        }
        waiter.waker.replace(waker.clone())
    }

    /// Hands verdicts to those who wait for them. Says whether there were any: a caller that drives does not sleep
    /// among those who are woken, so whoever delivers in its stead must wake it as the driver.
    pub(super) fn deliver(&mut self, wakes: &mut Wakes) -> bool {
        let mut delivered = false;
        while let Some(event) = self.core.poll_event() {
            self.deliver_one(event, wakes);
            delivered = true;
        }
        while let Some(event) = self.retired.as_mut().and_then(|retired| retired.poll_event()) {
            self.deliver_one(event, wakes);
            delivered = true;
        }
        delivered
    }

    /// Whether the driver must look before it has slept its fill: there are bytes to send, or a timer before its own.
    pub(super) fn driver_must_look(&self) -> bool {
        self.core.wants_transmit() || self.core.poll_timeout().is_some_and(|due| due < self.sleeps_until)
    }

    fn deliver_one(&mut self, event: Event, wakes: &mut Wakes) {
        let (tag, answer) = match event {
            Event::Finished(tag, outcome) => (tag, Answer::Here(outcome)),
            Event::Resolved(tag, outcome) => (tag, Answer::Resolved(outcome)),
        };
        let Some(waiter) = self.waiters.get_mut(tag as usize) else { return };
        if matches!((&waiter.answer, &answer), (Answer::Here(_), Answer::Resolved(_))) {
            // Its deadline passed and its answer came before anybody looked: the answer is what counts.
            if let Answer::Resolved(outcome) = answer {
                waiter.answer = Answer::Here(outcome);
            }
        } else {
            waiter.answer = answer;
        }
        wakes.threads.extend(waiter.threads.iter().cloned());
        wakes.wakers.extend(waiter.waker.take());
    }

    /// Whoever leaves while nobody drives passes the role on: to the newest sleeper, which stays longest. `true`: nobody
    /// sleeps although something is owed, so the background thread must be asked.
    pub(super) fn hand_on(&mut self, wakes: &mut Wakes) -> bool {
        if !matches!(self.driving, Driving::Nobody(_)) {
            return false;
        }
        if let Some((_, thread)) = self.parked.last() {
            wakes.threads.push(thread.clone());
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
        self.parked.clear();
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
