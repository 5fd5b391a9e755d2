//! Layer 4: a client goes on after the thread that drove has panicked, which is a defect of this library or of a subscriber
//! of log events.
//!
//! The driver is lost with the thread's stack, and without another one all callers would wait for ever. So the client opens
//! another driver and another session. Calls that were sent have an unknown outcome; the others are sent again.

use crate::ids::{Clock, Time};
use crate::log;
use crate::net::client::driver::Driver;
use crate::net::client::inner::ClientInner;
use crate::net::client::state::{ClientState, Driving, PendingWakeups};
use crate::net::os;

/// Opens another driver and another session, and passes the role of the driver on. The state must not be locked.
pub(in crate::net::client) fn recover(inner: &ClientInner) {
    let mut wakeups = PendingWakeups::default();
    let mut state = inner.lock();
    reopen(inner, &mut state, &mut wakeups);
    inner.release_role(&mut state, &mut wakeups);
    drop(state);
    wakeups.send();
}

/// A job of the background worker has failed, or the worker has ended. A client that it drove goes on with another driver; one
/// that it only looked after keeps its session, and is asked for anew. The state must not be locked.
pub(in crate::net::client) fn recover_from_worker(inner: &ClientInner) {
    let mut wakeups = PendingWakeups::default();
    let mut state = inner.lock();
    match &mut state.driving {
        Driving::Background => reopen(inner, &mut state, &mut wakeups),
        Driving::Idle(driver) => driver.take_socket_back(),
        Driving::Caller => {} // it has its own driver, and its socket in its own poll
    }
    (state.background_asked, state.attended) = (false, false);
    inner.release_role(&mut state, &mut wakeups);
    drop(state);
    wakeups.send();
}

/// Opens another driver and another session under the lock.
pub(in crate::net::client) fn reopen(
    inner: &ClientInner,
    state: &mut ClientState,
    wakeups: &mut PendingWakeups,
) {
    match Driver::open() {
        Ok((driver, waker)) => restart(state, driver, waker, inner.clock.now(), wakeups),
        Err(error) => log::error!(%error, "cannot open another connection"),
    }
    log::error!(server = %inner.peer(), "the thread that drove a connection panicked; another session is opened");
}

/// Gives up all sessions without a BYE. Calls that were sent have an unknown outcome; the others wait for a new session.
pub(in crate::net::client) fn restart(
    state: &mut ClientState,
    driver: Box<Driver>,
    waker: os::Waker,
    now: Time,
    wakeups: &mut PendingWakeups,
) {
    state.core.abandon_session(now);
    state.left.abandon_session(now);
    state.deliver(wakeups);
    state.left.end();
    state.driving = Driving::Idle(driver);
    state.waker = waker;
    // Nothing that the lost thread has promised will happen.
    (state.polling, state.background_asked, state.attended, state.urgent) = (false, false, false, false);
}
