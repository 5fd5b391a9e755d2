//! Floor 3: runs one call: the user's code, its panics contained, its reply in a buffer of the caller. The server's loops
//! and the simulator run calls by this and by nothing else.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Dispatch, Service, Surroundings};
use crate::error::Reason;
use crate::ids::Clock;
use crate::limits::{MAX_DETAIL, SCRATCH_KEPT};
use crate::proto::server::ReadyCall;
use crate::wire::message::{Status, cut};

/// What calls are run with: the services of one server, and its clock.
pub(crate) struct Runtime {
    /// In the order of the server's directory.
    pub(crate) services: Vec<Arc<dyn Service>>,
    /// The clock of the calls' deadlines.
    pub(crate) clock: Arc<dyn Clock>,
    /// Longest reply body.
    pub(crate) limit: usize,
}

/// Runs a call; its reply is in `reply` afterwards, and only that. Unwinds only if the log does.
pub(crate) fn dispatch(runtime: &Runtime, call: &ReadyCall, reply: &mut Vec<u8>) -> Status {
    reply.clear();
    reply.shrink_to(SCRATCH_KEPT);
    let Some(service) = runtime.services.get(call.entry.service) else {
        return Status::Refused(Reason::NoSuchMethod); // the directory was made from these services
    };
    let around = Surroundings {
        call: call.call,
        peer: call.peer,
        deadline: call.deadline,
        clock: &runtime.clock,
        cancelled: call.cancelled.as_ref(),
        limit: runtime.limit,
    };
    let entered = Cell::new(false);
    // Unwind safety: nothing of ours is half-done after a panic but `reply`, which is written anew. What the
    // implementation itself leaves half-done is its own affair, as with any panic in a thread.
    let ended = catch_unwind(AssertUnwindSafe(|| {
        service.dispatch(Dispatch::new(call.entry.index, &call.body, reply, &entered, around))
    }));
    match ended {
        Ok(Ok(dispatched)) => dispatched.status(),
        Ok(Err(refused)) => {
            write_text(reply, &refused.detail);
            Status::Refused(refused.reason)
        }
        Err(panic) => {
            write_text(reply, &panic_text(panic));
            let text = String::from_utf8_lossy(reply);
            tracing::error!(method = call.entry.method.name, call = %call.call, panic = %text, "a handler panicked");
            if entered.get() { Status::Panicked } else { Status::Refused(Reason::BadArguments) }
        }
    }
}

/// Replaces the reply by a text, cut to what may travel.
fn write_text(reply: &mut Vec<u8>, text: &str) {
    reply.clear();
    reply.extend_from_slice(cut(text, MAX_DETAIL).as_bytes());
}

/// What a panic said. Its payload may itself panic when it is dropped.
pub(crate) fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "a panic whose payload is no text".to_owned(),
    };
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(panic)));
    if let Err(again) = dropped {
        std::mem::forget(again); // whatever drops it panics for ever
    }
    text
}
