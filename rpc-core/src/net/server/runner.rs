//! Floor 4: the server on one screen: flush, receive, next call, dispatch, queue the reply, and again.

use std::sync::Arc;
use std::time::Instant;

use super::dispatch::dispatch;
use super::error::ServeError;
use super::hands::{Hands, Held, Next};

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
        let mut next = hands.begin(held);
        held = loop {
            next = match next {
                Next::Run(call) => {
                    let status = dispatch(&hands.runtime, &call, reply);
                    hands.finish(epoch, call.key, status, reply)
                }
                Next::RunBeside(call) => {
                    let began = Instant::now();
                    let status = dispatch(&hands.runtime, &call, reply);
                    hands.methods.took(&call.entry, began.elapsed());
                    hands.finish(epoch, call.key, status, reply)
                }
                Next::Turn(held) => break held,
                Next::Free => return,
            }
        };
    }
}
