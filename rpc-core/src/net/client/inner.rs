//! Layer 4: the state that all threads of a client share: its lock, its addresses and its process.
//!
//! ```text
//!  TcpChannel (one for all stubs) --Arc--> ClientInner <--Weak-- the background worker
//!                                             |
//!                                           Mutex: ClientState --> ClientCore, Waiters, Driver (while no thread drives)
//! ```
//! The last stub that is dropped closes the client. The worker holds it weakly, so that a job does not keep it alive.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::address_book::AddressBook;
use super::driver::Driver;
use super::home_process::HomeProcess;
use super::state::{ClientState, Driving, PendingWakeups};
use crate::call::Ticket;
use crate::ids::{Clock, Time};
use crate::limits::ClientLimits;
use crate::net::os;
use crate::net::sync::atomic::AtomicUsize;
use crate::net::sync::{Mutex, MutexGuard, PoisonError};
use crate::net::{Address, MonotonicClock};
use crate::proto::client::{ClientConfig, ClientCore};
use crate::proto::{Outcome, Request, UnknownCause};

/// The state that all threads of a client share.
#[derive(Debug)]
pub(super) struct ClientInner {
    /// The protocol, the waiters, and the role of the driver.
    state: Mutex<ClientState>,
    /// The clock of all times in the state.
    pub(super) clock: MonotonicClock,
    /// The address of the connection, or of the last attempt to make one, for errors and logs.
    peer: Mutex<Arc<str>>,
    /// The addresses of the server.
    pub(super) book: AddressBook,
    /// The number of times that every address has failed.
    pub(super) rounds_failed: AtomicUsize,
    /// The process that opened the client.
    pub(super) home: HomeProcess,
    /// The settings, for another session.
    config: ClientConfig,
    /// This value, for requests to the background worker.
    me: Weak<ClientInner>,
}

impl ClientInner {
    /// Returns the shared state of a new client.
    pub(super) fn new(
        state: ClientState,
        clock: MonotonicClock,
        book: AddressBook,
        config: ClientConfig,
    ) -> Arc<Self> {
        let peer = book.untried(&[]).map(|address| address.to_string()).unwrap_or_default();
        Arc::new_cyclic(|me| ClientInner {
            state: Mutex::new(state),
            clock,
            peer: Mutex::new(peer.into()),
            book,
            rounds_failed: AtomicUsize::new(0),
            home: HomeProcess::new(),
            config,
            me: Weak::clone(me),
        })
    }

    /// Locks the state. A panic under the lock is a defect of this library; the next thread continues with the state as it
    /// is, since a client without a lock could resolve no call.
    pub(super) fn lock(&self) -> MutexGuard<'_, ClientState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the inner state of the same client for a forked child, which has a clock, a session and a driver of its own. Takes
    /// no lock of this one.
    pub(super) fn for_child(&self) -> io::Result<Arc<Self>> {
        let (driver, waker) = Driver::open(self.limits())?;
        let config = ClientConfig { seed: os::seed(), ..self.config.clone() };
        let state =
            ClientState::new(ClientCore::with_nonces(config.clone(), super::draw_nonce), driver, waker);
        Ok(ClientInner::new(state, MonotonicClock::new(), self.book.for_child()?, config))
    }

    /// Closes the copies of the parent's descriptors in a forked child, as far as no thread of the parent used them: otherwise
    /// the parent's connection would stay open after the parent has closed it.
    pub(super) fn close_copies(&self) {
        // A lock that can be taken is not held by a thread of the parent, so that what is behind it is whole.
        if let Ok(mut state) = self.state.try_lock() {
            drop(state.take_driver(Driving::Caller));
        }
    }

    /// Returns a reference for the background worker, which does not keep the client alive.
    pub(super) fn me(&self) -> Weak<ClientInner> {
        Weak::clone(&self.me)
    }

    /// Returns the address of the connection, or of the last attempt to make one.
    pub(super) fn peer(&self) -> Arc<str> {
        Arc::clone(&self.peer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes the address that the session which takes new calls connects to. Called under the lock of the state.
    pub(super) fn set_peer(&self, address: &Address) {
        let peer = address.to_string().into();
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = peer;
    }

    /// Returns the bounds of the client.
    pub(super) fn limits(&self) -> &ClientLimits {
        &self.config.limits
    }

    /// Returns the core of another session, with the same settings and another seed.
    pub(super) fn fresh_core(&self) -> ClientCore {
        let seed = self.clock.now().0 ^ self.config.seed;
        ClientCore::with_nonces(ClientConfig { seed, ..self.config.clone() }, super::draw_nonce)
    }

    /// Registers a waiter, and starts the call.
    pub(super) fn begin(&self, state: &mut ClientState, request: Request) -> Result<Ticket, Outcome> {
        let ticket = state.waiters.register();
        let started = state.core.start(ticket.0, request, self.clock.now());
        if started.is_err() {
            let _ = state.waiters.remove(ticket); // it has no waker yet
        }
        started.map(|()| ticket)
    }

    /// Delivers the outcomes that have arrived, releases the driver's role if no thread has it, unlocks the state, and
    /// sends the wakeups.
    pub(super) fn finish(&self, mut state: MutexGuard<'_, ClientState>, mut wakeups: PendingWakeups) {
        if state.deliver(&mut wakeups) {
            // One of the outcomes may be that of the thread that drives, which polls and does not sleep in `waiters`.
            self.wake_driver(&mut state);
        }
        self.release_role(&mut state, &mut wakeups);
        drop(state);
        wakeups.send();
    }

    /// Returns the end of a call of the parent that was not found to be one before: see [`HomeProcess`].
    pub(super) fn of_parent(&self) -> Option<Outcome> {
        (!self.home.is_here()).then_some(Outcome::Unknown(UnknownCause::Forked))
    }

    /// Returns the time at which a wait must end.
    pub(super) fn limit(&self, limit: Option<Duration>) -> Option<Time> {
        limit.map(|limit| self.clock.now().plus(limit))
    }
}
