//! Floor 4: the caller drives: whoever waits for an answer moves the bytes of everyone, and passes the role on when it leaves.
//!
//! All that is decided is decided under the lock; all that the kernel does is done outside it.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use super::background;
use super::shared::Shared;
use super::state::{Driving, Sleeper, State, Wakes};
use super::wire::{Io, Wire, poll_limit};
use crate::call::Ticket;
use crate::ids::{Clock, Time};
use crate::limits::STALE_CONNECTION;
use crate::net::os::{Event, Events, Poll, Registry, Token, Waker};
use crate::net::sync::{MutexGuard, thread};
use crate::proto::client::ClientCore;

/// The socket's token in the driver's poll.
pub(super) const SOCKET: Token = Token(0);
/// The waker's.
pub(super) const WAKER: Token = Token(1);

/// What whoever drives has in hand.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) poll: Poll,
    events: Events,
    pub(super) wire: Wire,
    last_turn: Time,
}

impl Driver {
    /// A driver without a connection, and what wakes it out of its poll.
    pub(super) fn open() -> io::Result<(Box<Self>, Waker)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let (events, wire) = (Events::with_capacity(4), Wire::default());
        Ok((Box::new(Driver { poll, events, wire, last_turn: Time::default() }), waker))
    }

    /// Writes what waits, sleeps until something comes or `limit` is over, and reads it.
    ///
    /// `more` waits to be transmitted: then there is no sleep once this batch is written.
    fn turn(&mut self, limit: Option<Duration>, more: bool) -> Io {
        let mut io = Io::default();
        self.wire.flush(&mut io);
        if io.failed.is_some() {
            return io;
        }
        io.flushed_first = std::mem::take(&mut io.flushed);
        let unread = self.wire.read_on(&mut io);
        let limit = if unread || (more && io.flushed_first) { Some(Duration::ZERO) } else { limit };
        if let Err(error) = self.poll.poll(&mut self.events, poll_limit(limit)) {
            if error.kind() != ErrorKind::Interrupted {
                io.failed = Some(format!("waiting for the kernel failed: {error}"));
            }
            return io;
        }
        for event in self.events.iter().filter(|event| event.token() == SOCKET) {
            look(&mut self.wire, event, &mut io);
        }
        io
    }
}

/// Acts on what the kernel says about a socket.
pub(super) fn look(wire: &mut Wire, event: &Event, io: &mut Io) {
    if event.is_writable() || event.is_error() {
        wire.check_connected(io);
        wire.flush(io);
    }
    if event.is_readable() || event.is_read_closed() || event.is_error() {
        wire.read(event.is_read_closed() || event.is_error(), io);
    }
}

impl Shared {
    /// Tells the protocol what the socket did.
    pub(super) fn apply(
        &self,
        core: &mut ClientCore,
        wire: &mut Wire,
        io: Io,
        registry: &Registry,
        now: Time,
    ) {
        if io.connected {
            core.handle_connected(now);
        }
        if io.flushed {
            core.handle_flushed(now);
        }
        for chunk in io.input {
            core.handle_input(chunk, now);
        }
        if let Some(why) = io.failed {
            wire.close(registry);
            core.handle_disconnected(&why, now);
        }
    }

    /// Does what the protocol wants of the socket, short of writing.
    pub(super) fn pump(
        &self,
        core: &mut ClientCore,
        wire: &mut Wire,
        registry: &Registry,
        token: Token,
        now: Time,
    ) {
        core.handle_timeout(now);
        if core.wants_close() {
            wire.flush(&mut Io::default()); // a BYE, if the kernel takes it at once
            wire.close(registry);
            let why = core.last_failure().to_owned();
            core.handle_disconnected(&why, now);
        }
        if core.poll_connect(now) {
            let to = self.next_address();
            if let Err(error) = wire.connect(to, registry, token) {
                core.handle_disconnected(&format!("connecting to {to} failed: {error}"), now);
            }
        }
        if wire.is_connected() {
            core.poll_transmit(&mut wire.out, now);
        }
    }

    /// Drives until `done`, or until `until`, and passes the role on.
    fn drive<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        mut driver: Box<Driver>,
        until: Option<Time>,
        done: &dyn Fn(&State) -> bool,
        wakes: &mut Wakes,
    ) -> MutexGuard<'a, State> {
        let mut now = self.clock.now();
        if now.since(driver.last_turn) > STALE_CONNECTION {
            let mut io = Io::default();
            driver.wire.read(true, &mut io); // has the server left meanwhile?
            self.apply(&mut state.core, &mut driver.wire, io, driver.poll.registry(), now);
        }
        loop {
            state.core.handle_timeout(now);
            state.deliver(wakes);
            if done(&state) || until.is_some_and(|until| until <= now) {
                break;
            }
            self.pump(&mut state.core, &mut driver.wire, driver.poll.registry(), SOCKET, now);
            self.retire_if_stuck(&mut state, &mut driver, now);
            if state.deliver(wakes) {
                continue; // one of the verdicts may be the one that this thread waits for
            }
            let more = state.core.wants_transmit();
            let limit =
                if state.core.wants_close() { Some(Time::default()) } else { state.core.poll_timeout() };
            let limit = limit.into_iter().chain(until).min();
            state.sleeps_until = limit.unwrap_or(Time::NEVER);
            let limit = limit.map(|at| at.since(now));
            state.polling = true;
            drop(state);
            std::mem::take(wakes).send();
            let began = now;
            let io = driver.turn(limit, more);
            now = self.clock.now();
            state = self.lock();
            state.polling = false;
            state.turns += 1;
            if io.flushed_first {
                state.core.handle_flushed(began); // before it slept: copies are due from then on
            }
            self.apply(&mut state.core, &mut driver.wire, io, driver.poll.registry(), now);
        }
        if state.core.is_closed() {
            self.look(&mut state, &mut driver, now); // closed while we drove: the BYE is ours to say,
            self.look(&mut state, &mut driver, now); // and the socket to close
            state.deliver(wakes);
        }
        driver.last_turn = now;
        state.driving = Driving::Nobody(driver);
        self.leave(&mut state, wakes);
        state
    }

    /// Passes the role on if nobody has it: to a sleeper, or to the background thread. `wakes` are to be sent by the
    /// caller, once the lock is released.
    pub(super) fn leave(&self, state: &mut State, wakes: &mut Wakes) {
        if state.hand_on(wakes) {
            state.armed = background::look_after(self.me(), state.urgent); // else the next one to leave asks again
        }
    }

    /// Waits until `done` or `until`: by driving if nobody does, else asleep. `ticket` names the sleeper.
    pub(super) fn attend<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        ticket: Ticket,
        until: Option<Time>,
        done: &dyn Fn(&State) -> bool,
        wakes: &mut Wakes,
    ) -> MutexGuard<'a, State> {
        self.notice_fork(&mut state);
        loop {
            if done(&state) || until.is_some_and(|until| until <= self.clock.now()) {
                self.leave(&mut state, wakes);
                return state;
            }
            if let Some(driver) = state.take_driver(Driving::Caller) {
                let drive = || self.drive(state, driver, until, done, wakes);
                return catch_unwind(AssertUnwindSafe(drive)).unwrap_or_else(|panic| {
                    self.recover();
                    resume_unwind(panic)
                });
            }
            if state.driver_must_look() {
                self.wake_driver(&mut state);
            }
            let sleeper = Sleeper(thread::current());
            state.waiters.sleep(ticket, sleeper.clone());
            drop(state);
            match until {
                Some(until) => thread::park_timeout(until.since(self.clock.now())),
                None => thread::park(),
            }
            state = self.lock();
            state.waiters.awake(ticket, &sleeper);
        }
    }

    /// Somebody panicked who drove: a defect of ours, or a subscriber of events. Its driver is gone, so the others begin
    /// anew; else they would wait for ever.
    pub(super) fn recover(&self) {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        self.begin_anew(&mut state, &mut wakes);
        self.leave(&mut state, &mut wakes);
        drop(state);
        wakes.send();
    }

    /// Opens another session after a panic of the thread that drove.
    fn begin_anew(&self, state: &mut State, wakes: &mut Wakes) {
        tracing::error!(server = %self.peer, "the thread that drove a connection panicked; opening another session");
        match Driver::open() {
            Ok((driver, waker)) => state.begin_anew(driver, waker, self.clock.now(), wakes),
            Err(error) => tracing::error!(%error, "no connection can be opened any more"),
        }
    }

    /// Lets what was just started leave at once: for a call on a connection where nothing else is under way. A panic costs
    /// the client its session, but not the call: it is sent over the next one.
    pub(super) fn send_now(&self, state: &mut State, wakes: &mut Wakes) {
        self.notice_fork(state);
        let Some(mut driver) = state.take_driver(Driving::Caller) else {
            self.wake_driver(state);
            return;
        };
        let sent = catch_unwind(AssertUnwindSafe(|| {
            let now = self.clock.now();
            let mut io = Io::default();
            if now.since(driver.last_turn) > STALE_CONNECTION {
                driver.wire.read(true, &mut io);
            }
            self.apply(&mut state.core, &mut driver.wire, io, driver.poll.registry(), now);
            self.look(state, &mut driver, now);
            driver.last_turn = now;
        }));
        state.turns += 1;
        match sent {
            Ok(()) => state.driving = Driving::Nobody(driver),
            Err(_) => self.begin_anew(state, wakes), // what the panic said was reported when it began
        }
    }

    /// Does what the protocol wants now, and writes as much of it as the kernel takes.
    fn look(&self, state: &mut State, driver: &mut Driver, now: Time) {
        self.pump(&mut state.core, &mut driver.wire, driver.poll.registry(), SOCKET, now);
        let mut io = Io::default();
        driver.wire.flush(&mut io);
        self.apply(&mut state.core, &mut driver.wire, io, driver.poll.registry(), now);
    }

    /// Wakes whoever drives, if it sleeps in the kernel; once is enough for many.
    pub(super) fn wake_driver(&self, state: &mut State) {
        if !state.polling {
            return; // it will look before it sleeps
        }
        state.polling = false;
        match state.driving {
            Driving::Background => background::turn(self.me()),
            Driving::Caller | Driving::Nobody(_) => {
                if let Err(error) = state.waker.wake() {
                    tracing::error!(%error, "a waiting thread could not be woken");
                }
            }
        }
    }

    fn retire_if_stuck(&self, state: &mut State, driver: &mut Driver, now: Time) {
        if let Some(mut wire) = state.retire_if_stuck(&mut driver.wire, now, || self.fresh_core()) {
            wire.leave(driver.poll.registry());
            tracing::warn!(server = %self.peer, "every slot waits for a lost answer; another session takes the calls");
            background::resolve(self.me(), wire);
            self.pump(&mut state.core, &mut driver.wire, driver.poll.registry(), SOCKET, now);
        }
    }

    /// A forked child has its parent's socket, session and poll, and none of its threads: it leaves all of them without
    /// a word and opens its own. Nothing is deregistered, since the parent polls with the same kernel object.
    pub(super) fn notice_fork(&self, state: &mut State) {
        if !self.is_forked() {
            return;
        }
        match Driver::open() {
            Ok((driver, waker)) => {
                state.start_over(driver, waker, self.clock.now());
                self.settle_here();
            }
            Err(error) => tracing::error!(%error, "a forked process cannot open a connection of its own"),
        }
    }
}
