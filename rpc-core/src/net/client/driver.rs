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
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::background;
use super::inner::ClientInner;
use super::special_cases::{recover, reopen, replace_if_blocked};
use super::state::{ClientState, Driving, PendingWakeups, Sleeper};
use super::transport::{Transport, TransportEvents, poll_limit};
use crate::call::Ticket;
use crate::ids::{Clock, Time};
use crate::limits::{ClientLimits, STALE_CONNECTION};
use crate::log;
use crate::net::os::{Events, Poll, Registry, Token, Waker};
use crate::net::sync::{MutexGuard, thread};
use crate::net::waiting::Waiting;
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
    /// Waits for the events of the poll.
    waiting: Waiting,
    /// The events of the last poll.
    events: Events,
    /// The connection, and the bytes to be written to it.
    pub(super) transport: Transport,
    /// The time of the last turn of the client's own threads: since then the server may have closed the connection, and the
    /// client may have become idle.
    pub(super) last_turn: Time,
    /// The registry of the background worker, while the socket of an idle client is in the worker's poll.
    pub(super) rests_with: Option<Arc<Registry>>,
}

impl Driver {
    /// Opens a driver without a connection, and the waker that ends its polls.
    pub(super) fn open(limits: &ClientLimits) -> io::Result<(Box<Self>, Waker)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let (events, transport) = (Events::with_capacity(4), Transport::default());
        let (waiting, last_turn) = (Waiting::new(limits.spin), Time::default());
        Ok((Box::new(Driver { poll, waiting, events, transport, last_turn, rests_with: None }), waker))
    }

    /// Moves the socket of a client that was idle from the worker's poll to its own, since a caller drives.
    #[cold]
    pub(super) fn take_socket_back(&mut self) {
        let Some(registry) = self.rests_with.take() else { return };
        if let Err(error) = self.transport.move_to(&registry, self.poll.registry(), SOCKET) {
            log::warn!(%error, "cannot take a socket back");
        }
    }

    /// Writes the bytes that are ready, polls until an event comes or `limit` is over, and reads.
    ///
    /// If `more` is true, further frames are to be transmitted: then the poll does not wait once these bytes are written.
    fn poll_once(&mut self, limit: Option<Duration>, more: bool) -> TransportEvents {
        let mut seen = TransportEvents::default();
        // Nothing of this happens under the lock: other threads can start calls meanwhile, and wake this poll for them.
        self.transport.flush(&mut seen);
        if seen.failed.is_some() {
            return seen;
        }
        seen.flushed_first = std::mem::take(&mut seen.flushed);
        let unread = self.transport.read_on(&mut seen);
        let limit = if unread || (more && seen.flushed_first) { Some(Duration::ZERO) } else { limit };
        if let Err(error) = self.waiting.wait(&mut self.poll, &mut self.events, poll_limit(limit)) {
            if error.kind() != ErrorKind::Interrupted {
                seen.failed = Some(format!("waiting for the kernel failed: {error}"));
            }
            return seen;
        }
        for event in self.events.iter().filter(|event| event.token() == SOCKET) {
            self.transport.handle_event(event, &mut seen);
        }
        seen
    }
}

impl ClientInner {
    /// Tells the protocol what has happened to the socket.
    pub(super) fn apply(
        &self,
        core: &mut ClientCore,
        transport: &mut Transport,
        seen: TransportEvents,
        registry: &Registry,
        now: Time,
    ) {
        if seen.connected {
            core.handle_connected(now);
        }
        if seen.flushed {
            core.handle_flushed(now);
        }
        if let Some((room, count)) = seen.room {
            core.handle_room(room, count, now);
        }
        for chunk in seen.input.pieces() {
            core.handle_input(chunk, now);
        }
        if transport.is_connected() && transport.room.is_none() {
            transport.room = core.lend_room();
        }
        if !transport.is_good() && core.is_ready() {
            self.note_good(transport);
            self.report_connected(core);
        }
        // Last, since bytes that were read before the end may hold replies.
        if let Some(why) = seen.failed {
            transport.close(registry, true);
            self.lose(core, transport, &why, now);
        }
    }

    /// Does all that the protocol wants of the socket of the session that takes new calls, and notes the address that it
    /// uses. Returns true if a connection could not be made.
    pub(super) fn process(
        &self,
        core: &mut ClientCore,
        transport: &mut Transport,
        registry: &Registry,
        token: Token,
        now: Time,
    ) -> bool {
        let failed = self.advance(core, transport, registry, token, now);
        if let Some(address) = transport.take_new_address() {
            self.set_peer(&address);
        }
        failed
    }

    /// Does all that the protocol wants of a socket now: timers, the end of a connection, a new connection, and frames to be
    /// sent. They are written by the caller, but for the last frame of a connection that ends. Returns true if a connection
    /// could not be made.
    pub(super) fn advance(
        &self,
        core: &mut ClientCore,
        transport: &mut Transport,
        registry: &Registry,
        token: Token,
        now: Time,
    ) -> bool {
        core.handle_timeout(now);
        if core.wants_close() {
            self.end_connection(core, transport, registry, now);
        }
        if core.poll_connect(now) {
            transport.begin();
        }
        let failed = self.attempt(core, transport, registry, token, now);
        // Until then calls stay in the core, which resolves them if the connection cannot be made.
        if transport.is_connected() {
            core.poll_transmit(&mut transport.out, now);
        }
        // A BYE that was transmitted just now is the last frame: it leaves, and the connection ends, in the same step.
        if core.wants_close() {
            self.end_connection(core, transport, registry, now);
        }
        debug_assert!(!core.wants_close(), "one step does all that the protocol wants");
        failed
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
            let mut seen = TransportEvents::default();
            // A server closes connections that are idle for long. A call that is sent on such a connection is lost, and its
            // retransmission costs the caller a second, so a read finds that out first.
            driver.transport.read_to_the_end(&mut seen);
            self.apply(&mut state.core, &mut driver.transport, seen, driver.poll.registry(), now);
        }
        loop {
            // Deadlines first: a call whose time is over must not be sent any more.
            state.core.handle_timeout(now);
            state.deliver(wakeups);
            if done(&state) || until.is_some_and(|until| until <= now) {
                break;
            }
            let Driver { poll, transport, .. } = &mut *driver;
            let failed = self.process(&mut state.core, transport, poll.registry(), SOCKET, now);
            replace_if_blocked(self, &mut state, &mut driver, now);
            // This thread may wait for one of these outcomes, so it checks again before it polls.
            if state.deliver(wakeups) || failed {
                continue;
            }
            // What the batch that was just taken left behind follows without a pause.
            let more = state.core.wants_transmit();
            let timers = [state.core.poll_timeout(), driver.transport.poll_timeout(), until];
            let limit = timers.into_iter().flatten().min();
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
            // These bytes left before the poll: the pauses until their retransmissions begin at that time.
            if seen.flushed_first {
                state.core.handle_flushed(began);
            }
            self.apply(&mut state.core, &mut driver.transport, seen, driver.poll.registry(), now);
        }
        if state.core.is_closed() {
            // Another thread has closed the client while this one drove, and could not send the BYE.
            let Driver { poll, transport, .. } = &mut *driver;
            self.process_and_flush(&mut state.core, transport, poll.registry(), SOCKET, now);
            state.deliver(wakeups);
        }
        driver.last_turn = now;
        // The driver is put back and the role passed on under one lock, so no thread falls asleep between the two.
        state.driving = Driving::Idle(driver);
        self.release_role(&mut state, wakeups);
        state
    }

    /// Passes the role on if no thread has it: to a sleeper, or to the background worker, which also looks after a client that
    /// is idle and has not acknowledged a reply. The caller must send `wakeups` once the lock is released.
    pub(super) fn release_role(&self, state: &mut ClientState, wakeups: &mut PendingWakeups) {
        if state.pass_role(wakeups) {
            // If there is no worker, the next release asks again.
            state.background_asked = background::watch(self.me(), state.urgent);
        } else if state.needs_attention() {
            state.attended = background::attend(self.me());
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
        loop {
            if done(&state) || until.is_some_and(|until| until <= self.clock.now()) {
                self.release_role(&mut state, wakeups);
                return state;
            }
            if !self.home.check() {
                return state; // the sockets and the sleeping threads are those of the parent
            }
            if let Some(driver) = state.take_driver(Driving::Caller) {
                let drive = || self.drive(state, driver, until, done, wakeups);
                // A panic leaves `driving` as it is, without a driver: all other threads would sleep for ever.
                return catch_unwind(AssertUnwindSafe(drive)).unwrap_or_else(|panic| {
                    recover(self);
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

    /// Sends a call that was just started at once, if no thread drives. A panic costs the client its session, but not the
    /// call: it is sent over the next session.
    pub(super) fn send_now(&self, state: &mut ClientState, wakeups: &mut PendingWakeups) {
        if !self.home.check() {
            return; // what the parent has started is the parent's
        }
        let Some(mut driver) = state.take_driver(Driving::Caller) else {
            self.wake_driver(state);
            return;
        };
        // The lock is held: nothing here waits, and the driver is back before another thread can miss it.
        let sent = catch_unwind(AssertUnwindSafe(|| {
            let now = self.clock.now();
            let mut seen = TransportEvents::default();
            if now.since(driver.last_turn) > STALE_CONNECTION {
                driver.transport.read_to_the_end(&mut seen);
            }
            let Driver { poll, transport, .. } = &mut *driver;
            self.apply(&mut state.core, transport, seen, poll.registry(), now);
            self.process_and_flush(&mut state.core, transport, poll.registry(), SOCKET, now);
            driver.last_turn = now;
        }));
        state.turns += 1;
        match sent {
            Ok(()) => state.driving = Driving::Idle(driver),
            // The panic itself was reported by the panic hook.
            Err(_) => reopen(self, state, wakeups),
        }
    }

    /// One step of a thread that does not wait for the kernel: does all that the protocol wants now, and writes as much as the
    /// kernel takes.
    pub(super) fn process_and_flush(
        &self,
        core: &mut ClientCore,
        transport: &mut Transport,
        registry: &Registry,
        token: Token,
        now: Time,
    ) {
        self.process(core, transport, registry, token, now);
        self.flush(core, transport, registry, now);
    }

    /// Writes as much as the kernel takes.
    pub(super) fn flush(
        &self,
        core: &mut ClientCore,
        transport: &mut Transport,
        registry: &Registry,
        now: Time,
    ) {
        let mut seen = TransportEvents::default();
        transport.flush(&mut seen);
        self.apply(core, transport, seen, registry, now);
    }

    /// Wakes the thread that drives, if it polls. Further calls do nothing until it polls again.
    pub(super) fn wake_driver(&self, state: &mut ClientState) {
        // A driver that does not poll checks for work before it does: no system call is needed.
        if !state.polling {
            return;
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
}
