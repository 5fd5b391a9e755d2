//! Layer 4: the thread of the background worker: its poll, its jobs, and one turn of each.
//!
//! The worker locks one client at a time, and never its request queue with it. A client that it drives has its socket in
//! the worker's poll; it gets the socket back with its driver.
//!
//! ```text
//!  run:   poll --> run_job for each event --> handle each request --> run_job for each job that is due --> again
//!
//!  drive: [read] --> [lock] apply --> process_and_flush --> deliver --> anything owed? --no--> return_driver, attend
//!                                                                            '--yes--> set_due: the next timer
//! ```
//! A worker turn does not block, so one slow client does not hold up another. Clients share the thread: each reads at most
//! its budget in one turn.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Weak};

use slab::Slab;

use super::super::driver::Driver;
use super::super::inner::ClientInner;
use super::super::special_cases::{leave_if_blocked, recover, recover_from_worker};
use super::super::state::{Driving, PendingWakeups};
use super::super::transport::{Transport, TransportEvents, poll_limit};
use super::{Request, forget_worker, take_requests};
use crate::ids::{Clock, Time};
use crate::limits::{BACKGROUND_TICK, IDLE_AFTER};
use crate::log;
use crate::net::MonotonicClock;
use crate::net::os::{self, Event, Events, Poll, Registry, Token};
use crate::net::sync::thread;
use crate::panics::contain;
use crate::proto::client::ClientCore;

/// The token of the waker. The other tokens are keys of jobs.
const WAKER: Token = Token(usize::MAX);

/// Jobs at which those of dropped clients are searched for, at least. A job without a time and without a socket is found in no
/// other way.
const SWEEP_LEAST: usize = 64;

/// Starts the worker, and returns what wakes it out of its poll.
pub(super) fn spawn() -> io::Result<os::Waker> {
    let poll = Poll::new()?;
    let waker = os::Waker::new(poll.registry(), WAKER)?;
    let registry = Arc::new(poll.registry().try_clone()?);
    thread::Builder::new().name("rpc-background".to_owned()).spawn(move || {
        let (jobs, due, clock) = (Slab::new(), BTreeSet::new(), MonotonicClock::new());
        let mut worker = BackgroundWorker { poll, registry, jobs, sweep_at: SWEEP_LEAST, due, clock };
        contain(|| worker.run()); // it returns only by a panic
        forget_worker();
        let jobs: Vec<_> = worker.jobs.drain().map(|client| (client.inner, client.job.drains())).collect();
        jobs.into_iter().for_each(|(inner, drains)| recover_client(&inner, drains));
    })?;
    Ok(waker)
}

/// The work of the background worker for one client.
#[derive(Debug)]
pub(super) enum Job {
    /// Wait until its own threads have not driven it for a tick. Has the number of their turns at the last check.
    Watch(u64),
    /// Look after it while it is idle.
    Attend,
    /// Drive it.
    Drive(Box<Driver>),
    /// Drive a session that drains.
    DrainSession(Box<Transport>),
}

impl Job {
    /// Returns true if the job is about a session that drains.
    fn drains(&self) -> bool {
        matches!(self, Job::DrainSession(_))
    }
}

/// A client that the background worker has a job for.
#[derive(Debug)]
pub(super) struct ClientJob {
    /// The client. The job ends when it is dropped.
    inner: Weak<ClientInner>,
    /// The job.
    pub(super) job: Job,
    /// The time at which the job runs without an event.
    due: Time,
}

/// The state of the background worker's thread.
///
/// Invariant, asserted by [`BackgroundWorker::set_due`]: `due` has exactly one entry for each job that has a time.
pub(super) struct BackgroundWorker {
    /// The kernel's poll for the sockets of all jobs.
    pub(super) poll: Poll,
    /// The registry of `poll`, for idle clients that take their sockets back.
    pub(super) registry: Arc<Registry>,
    /// The jobs. A client has at most one of `Watch`, `Attend` and `Drive`, and one `DrainSession`.
    pub(super) jobs: Slab<ClientJob>,
    /// The number of jobs at which those of dropped clients are searched for.
    sweep_at: usize,
    /// The jobs with a time, the earliest first.
    due: BTreeSet<(Time, usize)>,
    /// The clock of `due`.
    pub(super) clock: MonotonicClock,
}

impl BackgroundWorker {
    /// The main function of the thread: events, then requests, then jobs that are due.
    fn run(&mut self) {
        let mut events = Events::with_capacity(256);
        loop {
            let now = self.clock.now();
            let limit = self.due.first().map(|(due, _)| due.since(now));
            if let Err(error) = self.poll.poll(&mut events, poll_limit(limit)) {
                if error.kind() != io::ErrorKind::Interrupted {
                    log::error!(%error, "the background worker cannot poll; it pauses");
                    thread::sleep(BACKGROUND_TICK);
                }
                continue;
            }
            for event in events.iter().filter(|event| event.token() != WAKER) {
                self.run_job(event.token().0, Some(event));
            }
            take_requests().into_iter().for_each(|request| self.try_request(request));
            let now = self.clock.now();
            while let Some((_, key)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
                self.set_due(key, Time::NEVER);
                self.run_job(key, None);
            }
        }
    }

    /// Handles a request. A panic costs this client its session if the worker drives it, and other clients nothing.
    fn try_request(&mut self, request: Request) {
        let (inner, drains) = match &request {
            Request::Watch(inner, _) | Request::Attend(inner) | Request::Process(inner) => {
                (Weak::clone(inner), false)
            }
            Request::DrainSession(inner, _) => (Weak::clone(inner), true),
            Request::Close(inner) => (Arc::downgrade(inner), false),
        };
        if contain(|| self.handle(request)).is_none() {
            recover_client(&inner, drains);
        }
    }

    /// Handles a request.
    fn handle(&mut self, request: Request) {
        match request {
            Request::Watch(inner, at_once) => {
                let key = self.find(&inner).unwrap_or_else(|| self.add(inner, Job::Watch(u64::MAX)));
                if let Some(ClientJob { job: job @ Job::Attend, .. }) = self.jobs.get_mut(key) {
                    *job = Job::Watch(u64::MAX);
                }
                // A caller that leaves often comes back at once, with its next call. Moving the socket to and fro would cost more
                // than that call, so the worker waits for a tick.
                if at_once {
                    self.take_over(key, None);
                } else {
                    self.set_due(key, self.clock.now().plus(BACKGROUND_TICK));
                }
            }
            Request::Attend(inner) => {
                let key = self.find(&inner).unwrap_or_else(|| self.add(inner, Job::Attend));
                // Another job of the client becomes this one when it ends.
                if matches!(self.jobs.get(key), Some(ClientJob { job: Job::Attend, .. })) {
                    self.set_due(key, self.clock.now().plus(IDLE_AFTER));
                }
            }
            Request::Process(inner) => {
                if let Some(key) = self.find(&inner) {
                    self.run_job(key, None);
                }
            }
            Request::Close(inner) => {
                let inner = Arc::downgrade(&inner);
                let of_client = self.jobs.iter().filter(|(_, client)| client.inner.ptr_eq(&inner));
                let keys: Vec<usize> = of_client.map(|(key, _)| key).collect();
                for key in keys {
                    // One turn sends the BYE and closes the socket.
                    self.run_job(key, None);
                }
            }
            Request::DrainSession(inner, mut transport) => {
                let key = self.jobs.vacant_key();
                if let Err(error) = transport.register(self.poll.registry(), Token(key)) {
                    log::warn!(%error, "cannot take over a socket");
                }
                let key = self.add(inner, Job::DrainSession(transport));
                self.run_job(key, None);
            }
        }
    }

    /// Finds the job for the current session of a client.
    fn find(&self, inner: &Weak<ClientInner>) -> Option<usize> {
        let mut known = self.jobs.iter();
        known.find_map(|(key, client)| {
            let current = !matches!(client.job, Job::DrainSession(_));
            (current && client.inner.ptr_eq(inner)).then_some(key)
        })
    }

    /// Adds a job.
    fn add(&mut self, inner: Weak<ClientInner>, job: Job) -> usize {
        if self.jobs.len() >= self.sweep_at {
            let gone = self.jobs.iter().filter(|(_, client)| client.inner.strong_count() == 0);
            let gone: Vec<usize> = gone.map(|(key, _)| key).collect();
            gone.into_iter().for_each(|key| drop(self.remove(key)));
            self.sweep_at = SWEEP_LEAST.max(2 * self.jobs.len());
        }
        self.jobs.insert(ClientJob { inner, job, due: Time::NEVER })
    }

    /// Sets the time at which a job runs without an event.
    pub(super) fn set_due(&mut self, key: usize, due: Time) {
        let Some(client) = self.jobs.get_mut(key) else { return };
        self.due.remove(&(client.due, key));
        client.due = due;
        if due < Time::NEVER {
            self.due.insert((due, key));
        }
        debug_assert!(self.due.len() <= self.jobs.len(), "a job has at most one time");
    }

    /// Sets the time at which a job runs without an event, by the clock of its client: `due`, while it is `now` there.
    pub(super) fn set_due_of(&mut self, key: usize, due: Time, now: Time) {
        // The two clocks have no common beginning, so the time that is left is carried over. `NEVER` is no time.
        let known = (due < Time::NEVER).then(|| self.clock.now().plus(due.since(now)));
        self.set_due(key, known.unwrap_or(Time::NEVER));
    }

    /// Ends a job.
    pub(super) fn remove(&mut self, key: usize) -> Option<ClientJob> {
        self.set_due(key, Time::NEVER);
        self.jobs.try_remove(key)
    }

    /// Runs a job once, after an event of its socket or without one. A panic costs this client its session if the worker
    /// drives it, and other clients nothing.
    fn run_job(&mut self, key: usize, event: Option<&Event>) {
        // Taken before the job runs, since a panic may leave the job half changed.
        let client = self.jobs.get(key).map(|client| (Weak::clone(&client.inner), client.job.drains()));
        if contain(|| self.try_job(key, event)).is_none() {
            self.remove(key);
            if let Some((inner, drains)) = client {
                recover_client(&inner, drains);
            }
        }
    }

    /// Runs a job once.
    fn try_job(&mut self, key: usize, event: Option<&Event>) {
        let Some(client) = self.jobs.get_mut(key) else { return };
        let Some(inner) = client.inner.upgrade() else {
            // The client was dropped; its sockets are closed with the job.
            self.remove(key);
            return;
        };
        if let Job::Attend = client.job {
            return self.attend(key, &inner, event);
        }
        let mut seen = TransportEvents::default();
        match (&mut client.job, event) {
            (Job::Drive(driver), Some(event)) => driver.transport.handle_event(event, &mut seen),
            (Job::DrainSession(transport), Some(event)) => transport.handle_event(event, &mut seen),
            // An event of the last turn, for a socket that was given back since.
            (Job::Watch(_) | Job::Attend, Some(_)) => return,
            (_, None) => {}
        }
        match client.job {
            Job::Watch(turns) => self.watch(key, &inner, turns),
            Job::Attend => {} // above
            Job::Drive(_) => self.drive(key, &inner, seen),
            Job::DrainSession(_) => self.drain_session(key, &inner, seen),
        }
    }

    /// Takes the driver, unless the client's own threads drive.
    fn watch(&mut self, key: usize, inner: &Arc<ClientInner>, turns: u64) {
        let mut state = inner.lock();
        if !matches!(state.driving, Driving::Idle(_)) || !state.core.owes() {
            // The thread that drives asks again when it releases the role.
            state.background_asked = false;
            self.attend_next(key, inner.clock.now(), &mut state);
        } else if state.turns != turns {
            // Its own threads drove during the last tick, so they may do so during the next one.
            let turns = state.turns;
            drop(state);
            if let Some(client) = self.jobs.get_mut(key) {
                client.job = Job::Watch(turns);
            }
            self.set_due(key, self.clock.now().plus(BACKGROUND_TICK));
        } else {
            drop(state);
            self.take_over(key, None);
        }
    }

    /// Takes the driver of a client, and moves its socket to the poll of the worker.
    pub(super) fn take_over(&mut self, key: usize, event: Option<&Event>) {
        let waits = |client: &&mut ClientJob| matches!(client.job, Job::Watch(_) | Job::Attend);
        let Some(client) = self.jobs.get_mut(key).filter(waits) else { return };
        let Some(inner) = client.inner.upgrade() else {
            self.remove(key);
            return;
        };
        let mut state = inner.lock();
        let Some(mut driver) = state.take_driver(Driving::Background) else {
            // A caller drives, and asks again when it releases the role. Both happen under the lock, so no request is lost.
            state.background_asked = false;
            self.attend_next(key, inner.clock.now(), &mut state);
            return;
        };
        drop(state);
        // The socket of an idle client is in this poll already, under the same key.
        if driver.rests_with.take().is_none() {
            let Driver { poll, transport, .. } = &mut *driver;
            if let Err(error) = transport.move_to(poll.registry(), self.poll.registry(), Token(key)) {
                log::warn!(%error, "cannot take over a socket");
            }
        }
        client.job = Job::Drive(driver);
        self.run_job(key, event);
    }

    /// Drives a client once: reads, processes, writes, and gives the driver back if nothing is owed.
    fn drive(&mut self, key: usize, inner: &Arc<ClientInner>, mut seen: TransportEvents) {
        let registry = self.poll.registry();
        let Some(ClientJob { job: Job::Drive(driver), .. }) = self.jobs.get_mut(key) else { return };
        driver.transport.read_on(&mut seen);
        let mut wakeups = PendingWakeups::default();
        let now = inner.clock.now();
        let mut state = inner.lock();
        state.polling = false;
        state.turns += 1;
        inner.apply(&mut state.core, &mut driver.transport, seen, registry, now);
        inner.process_and_flush(&mut state.core, &mut driver.transport, registry, Token(key), now);
        let replaced = leave_if_blocked(&mut state, &mut driver.transport, now, || inner.fresh_core());
        // After the write, since a failed one ends the connection, and calls with it.
        state.deliver(&mut wakeups);
        // Frames wait and the buffer was written at once: no event announces that the kernel takes more.
        let more =
            state.core.wants_transmit() && driver.transport.is_connected() && driver.transport.out.is_empty();
        // A step that no event announces: the next batch, or the rest of a read.
        let again = more || driver.transport.is_unread();
        let due = if again { now } else { next_timer(&state.core, &driver.transport) };
        let idle = !state.core.owes() && !again;
        // A thread that has something to send must wake the worker, as long as it drives.
        state.polling = !idle;
        state.sleeps_until = due;
        // Under the same lock: a caller finds the driver, or knows that the worker has it.
        if idle {
            self.return_driver(key, due, now, &mut state);
        }
        drop(state);
        wakeups.send();
        if let Some(mut transport) = replaced {
            transport.deregister(self.poll.registry());
            self.handle(Request::DrainSession(Arc::downgrade(inner), Box::new(transport)));
        }
        if !idle {
            self.set_due_of(key, due, now);
        }
    }
}

/// Lets a client go on after a panic in one of its jobs. `drains`: the job was about a session that drains.
fn recover_client(inner: &Weak<ClientInner>, drains: bool) {
    let Some(inner) = inner.upgrade() else { return };
    if drains { recover(&inner) } else { recover_from_worker(&inner) }
}

/// Returns the time of the next step that no event announces.
pub(super) fn next_timer(core: &ClientCore, transport: &Transport) -> Time {
    let timers = [core.poll_timeout(), transport.poll_timeout()];
    timers.into_iter().flatten().min().unwrap_or(Time::NEVER)
}
