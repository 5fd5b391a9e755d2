//! Layer 4: the server on one screen: one turn of an event loop, and the loop of turns.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::error::ServeError;
use super::event_loop::EventLoop;
use super::life::end;
use super::loop_owner::{LoopOwner, OwnedLoop};
use crate::limits::SCRATCH_KEPT;
use crate::panics::panic_text;
use crate::service::dispatch;

/// Drives a loop until it has ended or another thread owns it. `reply` is the reply buffer of this thread.
pub(super) fn serve(owner: &Arc<LoopOwner>, owned: OwnedLoop, reply: &mut Vec<u8>) {
    let mut next = Some(owned);
    while let Some(owned) = next {
        next = serve_one_turn(owner, owned, reply);
    }
}

/// Runs one turn, in six steps. Returns the loop if this thread still owns it after the turn.
fn serve_one_turn(owner: &Arc<LoopOwner>, mut owned: OwnedLoop, reply: &mut Vec<u8>) -> Option<OwnedLoop> {
    // 1. to 3. Write, check for the end, and wait for events.
    match flush_and_receive(&mut owned.event_loop) {
        Ok(true) => {}
        Ok(false) => {
            end(owner, Some(owned.event_loop), None);
            return None;
        }
        Err(error) => {
            end(owner, Some(owned.event_loop), Some(error));
            return None;
        }
    }
    if !owned.event_loop.core.has_calls() {
        return Some(owned);
    }
    // While a handler runs the loop is parked, so that another thread can take it if the handler is slow.
    let mut parked = owner.park(owned);
    // 4. Take the next call of the queue.
    while let Some(call) = parked.next_call() {
        // 5. Run its handler.
        let status = dispatch(&owner.dispatch_env, call, reply);
        // 6. Give the reply to the protocol, which keeps it for duplicates and appends it to the connection.
        parked.finish_call(status, reply);
    }
    let owned = parked.take_back(); // none, if a handler was slow
    reply.clear();
    reply.shrink_to(SCRATCH_KEPT); // the room of a long reply is not kept while the loop waits for events
    owned
}

/// Runs the first three steps of a turn. Returns false if the loop is over. A panic is returned as an error, so that the loop
/// and its counters outlive it.
fn flush_and_receive(event_loop: &mut EventLoop) -> Result<bool, ServeError> {
    let turn = || {
        // 1. Write the replies of the last turn, once for each connection.
        event_loop.flush();
        if let Some(error) = event_loop.take_store_error() {
            return Err(error);
        }
        // 2. End, if a drain has ended or another thread of this loop has failed.
        if event_loop.is_over() {
            return Ok(false);
        }
        // 3. Wait for events, and give what has arrived to the protocol: it queues the calls that may run.
        event_loop.receive().map_err(ServeError::system("wait for events"))?;
        Ok(true)
    };
    catch_unwind(AssertUnwindSafe(turn)).unwrap_or_else(|panic| Err(ServeError::Failed(panic_text(panic))))
}
