//! Layer 4: the end of a loop: by a drain, by an error, by a panic, or by force when its last handler does not return.
//!
//! A handler cannot be stopped from outside. So a loop may end while handlers run: their threads are listed in `slow`, and
//! the loop counts as over when no other thread is left.

use super::super::error::ServeError;
use super::super::event_loop::EventLoop;
use super::super::loop_owner::LoopOwner;
use crate::log;

/// The result of a loop that has ended.
pub(in crate::net::server) struct Ended {
    /// True if calls were abandoned.
    pub(in crate::net::server) forced: bool,
    /// The error that ended the loop, if it was not a drain.
    pub(in crate::net::server) error: Option<ServeError>,
}

/// Ends the loop: closes it, and lets all threads end that run no handler. The error is recorded first and logged last:
/// whatever a subscriber does, `Server::run` returns.
pub(in crate::net::server) fn end(
    owner: &LoopOwner,
    event_loop: Option<Box<EventLoop>>,
    error: Option<ServeError>,
) {
    let text = error.as_ref().map(ToString::to_string);
    let mut inner = owner.lock();
    inner.epoch += 1;
    let event_loop = event_loop.or(inner.parked_loop.take());
    inner.last_counters.end(event_loop.as_ref().map(|event_loop| event_loop.core.counters()));
    if let Some(ended) = &mut inner.ended {
        // The owner may have ended it first, because the queue was closed after a panic of this thread.
        ended.error = ended.error.take().or(error);
    } else {
        let forced = inner.slow.len() > 0;
        inner.ended = Some(Ended { forced, error });
    }
    inner.check();
    inner.threads.shut_down();
    drop(inner);
    // After `ended` is set: a thread whose command is dropped finds the result there.
    owner.commands.close();
    // Closes the sockets, which must not happen under the lock.
    drop(event_loop);
    owner.shutdown.notify();
    if let Some(error) = text {
        log::error!(number = owner.number, error, "an event loop has ended with an error");
    }
}

impl Drop for EventLoop {
    /// Tells the calls that still run, whatever ends the loop: a drain, an error, or a panic that unwinds through its owner.
    fn drop(&mut self) {
        self.core.leave_behind();
    }
}

/// Returns true if the loop and its threads have ended, except for threads that were abandoned in handlers.
pub(in crate::net::server) fn is_over(owner: &LoopOwner) -> bool {
    let inner = owner.lock();
    inner.ended.is_some() && inner.threads.alive <= inner.slow.len()
}

/// Returns the number of threads that run handlers.
pub(in crate::net::server) fn abandoned(owner: &LoopOwner) -> usize {
    owner.lock().slow.len()
}

/// Returns true if the loop ended with an error.
pub(in crate::net::server) fn has_failed(owner: &LoopOwner) -> bool {
    owner.lock().ended.as_ref().is_some_and(|ended| ended.error.is_some())
}

/// Takes the error that ended the loop.
pub(in crate::net::server) fn take_error(owner: &LoopOwner) -> Option<ServeError> {
    owner.lock().ended.as_mut().and_then(|ended| ended.error.take())
}

/// Returns true if the loop has ended and abandoned calls.
pub(in crate::net::server) fn was_forced(owner: &LoopOwner) -> bool {
    owner.lock().ended.as_ref().is_some_and(|ended| ended.forced)
}

/// Ends the loop if it is parked. After the grace time a parked loop means that its owner's handler does not return.
pub(in crate::net::server) fn end_if_stuck(owner: &LoopOwner) {
    let mut inner = owner.lock();
    if inner.ended.is_some() || inner.parked_loop.is_none() {
        return;
    }
    // Its handler is listed as a slow call, since it does not return and nothing may wait for its thread.
    let (epoch, since) = (inner.epoch, inner.time_of_turn());
    let caller = inner.running.map(|key| inner.caller(key));
    inner.release_loop(epoch, since, caller, false);
    // Taken under this lock: else the thread that was given the loop could take it before its end.
    let event_loop = inner.parked_loop.take();
    drop(inner);
    end(owner, event_loop, None);
}
