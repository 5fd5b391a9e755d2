//! Layer 4: the server's main function: flush, receive, take a call, dispatch it, queue its reply, and again.
//!
//! The outer loop is one turn of the event loop. The inner loop runs the calls of the turn, each with the loop parked; their
//! replies are written together by the flush of the next turn.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::error::ServeError;
use super::event_loop::EventLoop;
use super::loop_owner::{LoopOwner, Next, OwnedLoop};
use crate::net::sync::Instant;
use crate::panics::panic_text;
use crate::service::dispatch;

/// Flushes, and receives. Returns false if the loop is over. A panic is returned as an error, so that the loop and its counters
/// outlive it.
fn flush_and_receive(event_loop: &mut EventLoop) -> Result<bool, ServeError> {
    let turn = || {
        event_loop.flush();
        if event_loop.is_over() {
            return Ok(false);
        }
        event_loop.receive().map_err(ServeError::system("wait for events"))?;
        Ok(true)
    };
    catch_unwind(AssertUnwindSafe(turn)).unwrap_or_else(|panic| Err(ServeError::Failed(panic_text(panic))))
}

/// Drives a loop until it has ended or another thread owns it. `reply` is the reply buffer of this thread.
pub(super) fn serve(owner: &Arc<LoopOwner>, mut owned: OwnedLoop, reply: &mut Vec<u8>) {
    loop {
        match flush_and_receive(&mut owned.event_loop) {
            Ok(true) => {}
            Ok(false) => return owner.end(Some(owned.event_loop), None),
            Err(error) => return owner.end(Some(owned.event_loop), Some(error)),
        }
        let epoch = owned.epoch;
        let mut ready = None; // filled in place: a call is large enough that moving it costs time
        let mut next = owner.begin_turn(owned, &mut ready);
        // Runs calls until this thread owns the loop again, which it then continues with, or until it has lost the loop.
        owned = loop {
            let detached = match next {
                Next::Run => false,
                Next::RunDetached => true,
                Next::Turn(owned) => break owned,
                Next::Lost => return,
            };
            let Some(call) = &ready else { return }; // `Run` and `RunDetached` come with a call
            let (key, entry) = (call.key, call.entry);
            let began = detached.then(Instant::now);
            let status = dispatch(&owner.dispatch_env, call, reply);
            if let Some(began) = began {
                owner.methods.record_run(&entry, began.elapsed());
            }
            ready = None; // frees the arguments before the lock is taken
            next = owner.finish_call(epoch, key, status, reply, &mut ready);
        };
    }
}
