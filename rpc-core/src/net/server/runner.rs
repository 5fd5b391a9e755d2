//! Layer 4: the server on one screen: one turn of an event loop, and the loop of turns.

use std::sync::Arc;

use super::error::ServeError;
use super::life::end;
use super::loop_owner::{LoopOwner, OwnedLoop};
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
    // 1. Write the replies of the last turn, once for each connection.
    owned.event_loop.flush();
    // 2. End, if a drain has ended or another thread of this loop has failed.
    if owned.event_loop.is_over() {
        end(owner, Some(owned.event_loop), None);
        return None;
    }
    // 3. Wait for events, and give what has arrived to the protocol: it queues the calls that may run.
    if let Err(source) = owned.event_loop.receive() {
        let error = ServeError::System { doing: "wait for events", source };
        end(owner, Some(owned.event_loop), Some(error));
        return None;
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
    parked.take_back() // none, if a handler was slow
}
