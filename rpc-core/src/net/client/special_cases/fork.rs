//! Layer 4: a client in a forked child opens a connection of its own.
//!
//! The child has the socket, the session and the poll of its parent, and none of its threads. Two processes that use one
//! session would take each other's replies. So the child opens another driver before it drives for the first time. It
//! deregisters nothing and sends nothing on the old socket, since the parent goes on with both.

use super::restart::restart;
use crate::ids::{Clock, Time};
use crate::log;
use crate::net::client::driver::Driver;
use crate::net::client::inner::ClientInner;
use crate::net::client::state::{ClientState, PendingWakeups};
use crate::net::os;
use crate::net::sync::atomic::{AtomicU32, Ordering};

/// The process in which the driver was opened: a forked child has another number.
///
/// Relaxed: it is written under the lock of the state, and a child begins with one thread.
#[derive(Debug)]
pub(in crate::net::client) struct Process(AtomicU32);

impl Process {
    /// Returns the present process.
    pub(in crate::net::client) fn present() -> Self {
        Process(AtomicU32::new(os::process_id()))
    }

    /// Returns true if this process is a forked child that has opened no driver of its own.
    pub(in crate::net::client) fn is_forked(&self) -> bool {
        self.0.load(Ordering::Relaxed) != os::process_id()
    }

    /// Notes that this process has a driver of its own.
    fn adopt(&self) {
        self.0.store(os::process_id(), Ordering::Relaxed);
    }

    /// Makes this process look like a forked child, for tests.
    #[cfg(test)]
    pub(in crate::net::client) fn pretend_fork(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Opens another driver and another session in a forked child. Elsewhere it does nothing.
#[inline]
pub(in crate::net::client) fn detect_fork(inner: &ClientInner, state: &mut ClientState) {
    if inner.process.is_forked() {
        adopt_client(inner, state);
    }
}

/// Opens another driver and another session in a forked child.
#[cold]
fn adopt_client(inner: &ClientInner, state: &mut ClientState) {
    match Driver::open() {
        Ok((driver, waker)) => {
            restart_after_fork(state, driver, waker, inner.clock.now());
            inner.process.adopt();
        }
        Err(error) => log::error!(%error, "a forked process cannot open its own connection"),
    }
}

/// Gives up the parent's sessions. A thread of the parent may have held the driver; its descriptors stay open.
fn restart_after_fork(state: &mut ClientState, driver: Box<Driver>, waker: os::Waker, now: Time) {
    let mut wakeups = PendingWakeups::default();
    restart(state, driver, waker, now, &mut wakeups);
    std::mem::forget(wakeups); // they name threads of the parent, which do not exist here
    state.waiters.forget_sleepers();
}
