//! Layer 4: the driver of a client: one thread at a time moves the bytes of all callers, and passes the role on when its own
//! outcome is there.
//!
//! ```text
//! wait_until:  done? --> return
//!              no thread drives? --> drive:  handle_timeout --> process --> [unlock] poll_once [lock] --> apply --> done?
//!              else sleep until the driver wakes this thread: its outcome is there, or it must drive
//! ```
//! The state changes under the lock. The system calls of a thread that drives run outside it.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use super::background;
use super::inner::ClientInner;
use super::socket::{Socket, SocketEvents, poll_limit};
use super::state::{ClientState, Driving, PendingWakeups, Sleeper};
use crate::call::Ticket;
use crate::ids::{Clock, Time};
use crate::limits::STALE_CONNECTION;
use crate::log;
use crate::net::os::{Event, Events, Poll, Registry, Token, Waker};
use crate::net::sync::{MutexGuard, thread};
use crate::proto::client::ClientCore;

/// The token of the socket in the driver's poll.
pub(super) const SOCKET: Token = Token(0);
/// The token of the waker in the driver's poll.
pub(super) const WAKER: Token = Token(1);

/// The poll and the socket of a client. The thread that drives holds it.
#[derive(Debug)]
pub(super) struct Driver {
    /// The kernel's poll for the socket and the waker.
    pub(super) poll: Poll,
    /// The events of the last poll.
    events: Events,
    /// The socket, and the bytes to be written to it.
    pub(super) socket: Socket,
    /// The time of the last turn, which shows whether the server may have closed the connection since then.
    last_turn: Time,
}

impl Driver {
    /// Opens a driver without a connection, and the waker that ends its polls.
    pub(super) fn open() -> io::Result<(Box<Self>, Waker)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let (events, socket) = (Events::with_capacity(4), Socket::default());
        Ok((Box::new(Driver { poll, events, socket, last_turn: Time::default() }), waker))
    }

    /// Writes the bytes that are ready, polls until an event comes or `limit` is over, and reads.
    ///
    /// If `more` is true, further frames are to be transmitted: then the poll does not wait once these bytes are written.
    fn poll_once(&mut self, limit: Option<Duration>, more: bool) -> SocketEvents {
        let mut seen = SocketEvents::default();
        // Nothing of this happens under the lock: other threads can start calls meanwhile, and wake this poll for them.
        self.socket.flush(&mut seen);
        if seen.failed.is_some() {
            return seen;
        }
        seen.flushed_first = std::mem::take(&mut seen.flushed);
        let unread = self.socket.read_on(&mut seen);
        let limit = if unread || (more && seen.flushed_first) { Some(Duration::ZERO) } else { limit };
        if let Err(error) = self.poll.poll(&mut self.events, poll_limit(limit)) {
            if error.kind() != ErrorKind::Interrupted {
                seen.failed = Some(format!("waiting for the kernel failed: {error}"));
            }
            return seen;
        }
        for event in self.events.iter().filter(|event| event.token() == SOCKET) {
            on_event(&mut self.socket, event, &mut seen);
        }
        seen
    }
}

/// Reads and writes a socket as an event of the kernel allows.
pub(super) fn on_event(socket: &mut Socket, event: &Event, seen: &mut SocketEvents) {
    if event.is_writable() || event.is_error() {
        socket.check_connected(seen);
        socket.flush(seen);
    }
    if event.is_readable() || event.is_read_closed() || event.is_error() {
        socket.read(event.is_read_closed() || event.is_error(), seen);
    }
}

impl ClientInner {
    /// Tells the protocol what has happened to the socket.
    pub(super) fn apply(
        &self,
        core: &mut ClientCore,
        socket: &mut Socket,
        seen: SocketEvents,
        registry: &Registry,
        now: Time,
    ) {
        if seen.connected {
            core.handle_connected(now);
        }
        if seen.flushed {
            core.handle_flushed(now);
        }
        for chunk in seen.input {
            core.handle_input(chunk, now);
        }
        // Last, since bytes that were read before the end may hold replies.
        if let Some(why) = seen.failed {
            socket.close(registry);
            core.handle_disconnected(&why, now);
        }
    }

    /// Does all that the protocol wants of the socket of the session that takes new calls, except for writing.
    pub(super) fn process(
        &self,
        core: &mut ClientCore,
        socket: &mut Socket,
        registry: &Registry,
        token: Token,
        now: Time,
    ) {
        if let Some(address) = self.advance(core, socket, registry, token, now) {
            self.set_peer(address);
        }
    }

    /// Does all that the protocol wants of a socket, except for writing: timers, the end of a connection, a new connection, and
    /// frames to be sent. Returns the address to which it connects.
    pub(super) fn advance(
        &self,
        core: &mut ClientCore,
        socket: &mut Socket,
        registry: &Registry,
        token: Token,
        now: Time,
    ) -> Option<SocketAddr> {
        core.handle_timeout(now);
        if core.wants_close() {
            socket.flush(&mut SocketEvents::default()); // sends the BYE, if the kernel takes it at once
            socket.close(registry);
            let why = core.last_failure().to_owned();
            core.handle_disconnected(&why, now);
        }
        let to = core.poll_connect(now).then(|| self.next_address());
        if let Some(to) = to {
            if let Err(error) = socket.connect(to, registry, token) {
                core.handle_disconnected(&format!("connecting to {to} failed: {error}"), now);
            }
        }
        // Until then calls stay in the core, which resolves them if the connection cannot be made.
        if socket.is_connected() {
            core.poll_transmit(&mut socket.out, now);
        }
        to
    }

    /// Drives until `done` returns true or until `until`, and then passes the role on.
    fn drive<'a>(
        &'a self,
        mut state: MutexGuard<'a, ClientState>,
        mut driver: Box<Driver>,
        until: Option<Time>,
        done: &dyn Fn(&ClientState) -> bool,
        wakeups: &mut PendingWakeups,
    ) -> MutexGuard<'a, ClientState> {
        let mut now = self.clock.now();
        if now.since(driver.last_turn) > STALE_CONNECTION {
            let mut seen = SocketEvents::default();
            driver.socket.read(true, &mut seen); // finds out if the server has closed the connection meanwhile
            self.apply(&mut state.core, &mut driver.socket, seen, driver.poll.registry(), now);
        }
        loop {
            // Deadlines first: a call whose time is over must not be sent any more.
            state.core.handle_timeout(now);
            state.deliver(wakeups);
            if done(&state) || until.is_some_and(|until| until <= now) {
                break;
            }
            self.process(&mut state.core, &mut driver.socket, driver.poll.registry(), SOCKET, now);
            self.replace_if_blocked(&mut state, &mut driver, now);
            if state.deliver(wakeups) {
                continue; // this thread may wait for one of these outcomes
            }
            // What the batch that was just taken left behind follows without a pause.
            let more = state.core.wants_transmit();
            let limit =
                if state.core.wants_close() { Some(Time::default()) } else { state.core.poll_timeout() };
            let limit = limit.into_iter().chain(until).min();
            state.sleeps_until = limit.unwrap_or(Time::NEVER);
            let limit = limit.map(|at| at.since(now));
            // From here on a thread with bytes to send must wake this poll: it reads `polling` under the same lock.
            state.polling = true;
            drop(state);
            std::mem::take(wakeups).send();
            let began = now;
            let seen = driver.poll_once(limit, more);
            now = self.clock.now();
            state = self.lock();
            state.polling = false;
            state.turns += 1;
            if seen.flushed_first {
                state.core.handle_flushed(began); // before the poll: the pauses until retransmissions begin there
            }
            self.apply(&mut state.core, &mut driver.socket, seen, driver.poll.registry(), now);
        }
        if state.core.is_closed() {
            self.process_and_flush(&mut state, &mut driver, now); // closed while this thread drove: sends the BYE
            self.process_and_flush(&mut state, &mut driver, now); // closes the socket
            state.deliver(wakeups);
        }
        driver.last_turn = now;
        // The driver is put back and the role passed on under one lock, so no thread falls asleep between the two.
        state.driving = Driving::Idle(driver);
        self.release_role(&mut state, wakeups);
        state
    }

    /// Passes the role on if no thread has it: to a sleeper, or to the background worker. The caller must send `wakeups` once
    /// the lock is released.
    pub(super) fn release_role(&self, state: &mut ClientState, wakeups: &mut PendingWakeups) {
        if state.pass_role(wakeups) {
            state.background_asked = background::watch(self.me(), state.urgent); // if it is not there, the next release asks again
        }
    }

    /// Waits until `done` returns true or until `until`: by driving if no thread does, else asleep. `ticket` is the call that
    /// this thread waits for.
    pub(super) fn wait_until<'a>(
        &'a self,
        mut state: MutexGuard<'a, ClientState>,
        ticket: Ticket,
        until: Option<Time>,
        done: &dyn Fn(&ClientState) -> bool,
        wakeups: &mut PendingWakeups,
    ) -> MutexGuard<'a, ClientState> {
        self.detect_fork(&mut state);
        loop {
            if done(&state) || until.is_some_and(|until| until <= self.clock.now()) {
                self.release_role(&mut state, wakeups);
                return state;
            }
            if let Some(driver) = state.take_driver(Driving::Caller) {
                let drive = || self.drive(state, driver, until, done, wakeups);
                // A panic leaves `driving` as it is, without a driver: all other threads would sleep for ever.
                return catch_unwind(AssertUnwindSafe(drive)).unwrap_or_else(|panic| {
                    self.recover();
                    resume_unwind(panic)
                });
            }
            // The thread that drives polls, and does not know of a call that was started since.
            if state.must_wake_driver() {
                self.wake_driver(&mut state);
            }
            // Listed under the lock, and unparked by handle: an unpark before the park is not lost.
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

    /// Opens another session after a panic of the thread that drove, which is a defect of this library or of a subscriber of
    /// log events. The driver is lost, and without another one all callers would wait for ever.
    pub(super) fn recover(&self) {
        let mut wakeups = PendingWakeups::default();
        let mut state = self.lock();
        self.restart(&mut state, &mut wakeups);
        self.release_role(&mut state, &mut wakeups);
        drop(state);
        wakeups.send();
    }

    /// Opens another driver and another session after a panic of the thread that drove.
    fn restart(&self, state: &mut ClientState, wakeups: &mut PendingWakeups) {
        match Driver::open() {
            Ok((driver, waker)) => state.restart(driver, waker, self.clock.now(), wakeups),
            Err(error) => log::error!(%error, "cannot open another connection"),
        }
        log::error!(server = %self.peer(), "the thread that drove a connection panicked; another session is opened");
    }

    /// Sends a call that was just started at once, if no thread drives. A panic costs the client its session, but not the
    /// call: it is sent over the next session.
    pub(super) fn send_now(&self, state: &mut ClientState, wakeups: &mut PendingWakeups) {
        self.detect_fork(state);
        let Some(mut driver) = state.take_driver(Driving::Caller) else {
            self.wake_driver(state);
            return;
        };
        let sent = catch_unwind(AssertUnwindSafe(|| {
            let now = self.clock.now();
            let mut seen = SocketEvents::default();
            if now.since(driver.last_turn) > STALE_CONNECTION {
                driver.socket.read(true, &mut seen);
            }
            self.apply(&mut state.core, &mut driver.socket, seen, driver.poll.registry(), now);
            self.process_and_flush(state, &mut driver, now);
            driver.last_turn = now;
        }));
        state.turns += 1;
        match sent {
            Ok(()) => state.driving = Driving::Idle(driver),
            Err(_) => self.restart(state, wakeups), // the panic itself was reported by the panic hook
        }
    }

    /// Does all that the protocol wants now, and writes as much as the kernel takes.
    fn process_and_flush(&self, state: &mut ClientState, driver: &mut Driver, now: Time) {
        self.process(&mut state.core, &mut driver.socket, driver.poll.registry(), SOCKET, now);
        let mut seen = SocketEvents::default();
        driver.socket.flush(&mut seen);
        self.apply(&mut state.core, &mut driver.socket, seen, driver.poll.registry(), now);
    }

    /// Wakes the thread that drives, if it polls. Further calls do nothing until it polls again.
    pub(super) fn wake_driver(&self, state: &mut ClientState) {
        if !state.polling {
            return; // it checks for work before it polls
        }
        // Cleared by the first thread that wakes the driver, so that many senders cost one system call.
        state.polling = false;
        match state.driving {
            Driving::Background => background::process(self.me()),
            Driving::Caller | Driving::Idle(_) => {
                if let Err(error) = state.waker.wake() {
                    log::error!(%error, "cannot wake the thread that drives a connection");
                }
            }
        }
    }

    /// Replaces the session if all its slots are orphaned, and gives the old one to the background worker.
    fn replace_if_blocked(&self, state: &mut ClientState, driver: &mut Driver, now: Time) {
        if let Some(mut socket) = state.replace_if_blocked(&mut driver.socket, now, || self.fresh_core()) {
            socket.deregister(driver.poll.registry());
            log::warn!(server = %self.peer(), "every slot waits for a lost reply; new calls use another session");
            background::drain_session(self.me(), socket);
            self.process(&mut state.core, &mut driver.socket, driver.poll.registry(), SOCKET, now);
        }
    }

    /// Opens another driver and another session in a forked child. The child has the socket, the session and the poll of its
    /// parent, and none of its threads. It deregisters nothing, since the parent polls with the same kernel object.
    pub(super) fn detect_fork(&self, state: &mut ClientState) {
        if !self.is_forked() {
            return;
        }
        match Driver::open() {
            Ok((driver, waker)) => {
                state.restart_after_fork(driver, waker, self.clock.now());
                self.adopt_process();
            }
            Err(error) => log::error!(%error, "a forked process cannot open its own connection"),
        }
    }
}
