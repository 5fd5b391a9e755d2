//! Floor 4: the server on one screen: flush, receive, next call, dispatch, queue the reply, and again.

use std::sync::Arc;

use super::error::ServeError;
use super::hands::{Hands, Held, Next};
use crate::net::sync::Instant;
use crate::service::dispatch;

/// Drives a loop until it has ended or somebody else has it. `reply` is this thread's own space for replies.
pub(super) fn serve(hands: &Arc<Hands>, mut held: Held, reply: &mut Vec<u8>) {
    loop {
        held.event_loop.flush();
        if held.event_loop.is_over() {
            return hands.end(Some(held.event_loop), None);
        }
        if let Err(source) = held.event_loop.receive() {
            let error = ServeError::System { doing: "wait for events", source };
            return hands.end(Some(held.event_loop), Some(error));
        }
        let epoch = held.epoch;
        let mut place = None; // a call is large enough that it is not moved about
        let mut next = hands.begin(held, &mut place);
        held = loop {
            let beside = match next {
                Next::Run => false,
                Next::RunBeside => true,
                Next::Turn(held) => break held,
                Next::Free => return,
            };
            let Some(call) = &place else { return }; // `Run` comes with a call
            let (key, entry) = (call.key, call.entry);
            let began = beside.then(Instant::now);
            let status = dispatch(&hands.runtime, call, reply);
            if let Some(began) = began {
                hands.methods.took(&entry, began.elapsed());
            }
            place = None; // lets go of the arguments before the lock is taken
            next = hands.finish(epoch, key, status, reply, &mut place);
        };
    }
}
