//! Layer 3: runs one call: it enters the user's code, contains its panics, and writes the reply into a buffer of the caller.
//!
//! The server's loops and the simulator run calls through this function, and through no other.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::durable::{DurableCalls, has_transaction};
use super::{CallEnv, Dispatch, Holder, Refused, Service};
use crate::error::Reason;
use crate::ids::Clock;
use crate::limits::{Bounds, MAX_DETAIL, SCRATCH_KEPT};
use crate::log;
use crate::panics::{given_up, panic_text};
use crate::proto::server::ReadyCall;
use crate::text::Escaped;
use crate::wire::message::{Status, cut};
use crate::wire::metadata::Metadata;

/// The environment of all calls of a server: its services and its clock.
pub struct DispatchEnv {
    /// The services, in the order of the server's directory.
    pub services: Vec<Arc<dyn Service>>,
    /// The clock of the calls' deadlines.
    pub clock: Arc<dyn Clock>,
    /// The bounds of a reply. Arguments may be nested as deep.
    pub bounds: Bounds,
    /// The loop that calls whose reply comes later are given to.
    pub holder: Arc<dyn Holder>,
    /// The store that calls are transactions of, if the server has one.
    pub durable: Option<DurableCalls>,
}

impl fmt::Debug for DispatchEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DispatchEnv({} services)", self.services.len())
    }
}

/// Runs a call. Its reply replaces the contents of `reply`. Returns the status of the reply; `None` if it comes later, from the
/// holder.
pub fn dispatch(server: &DispatchEnv, call: &ReadyCall, reply: &mut Vec<u8>) -> Option<Status> {
    match &server.durable {
        Some(durable) if has_transaction(call.entry.method) => {
            durable.run(call, reply, |reply| run(server, call, reply))
        }
        _ => run(server, call, reply),
    }
}

/// Runs a call, without regard to any store.
#[inline(always)] // so that a server without a store pays for one comparison
fn run(server: &DispatchEnv, call: &ReadyCall, reply: &mut Vec<u8>) -> Option<Status> {
    reply.clear();
    reply.shrink_to(SCRATCH_KEPT);
    let Some(service) = server.services.get(call.entry.service) else {
        return Some(Status::Refused(Reason::NoSuchMethod)); // the directory was made from these services
    };
    let (arguments, metadata) = match call.has_metadata {
        false => (&call.body[..], None),
        true => match split(&call.body) {
            Ok((arguments, metadata)) => (arguments, Some(metadata)),
            Err(refused) => {
                write_text(reply, &refused.detail);
                return Some(Status::Refused(refused.reason));
            }
        },
    };
    let env = CallEnv {
        call: call.call,
        method: call.entry.method,
        peer: call.peer,
        deadline: call.deadline,
        clock: &server.clock,
        cancelled: call.cancelled.as_ref(),
        bounds: server.bounds,
        held: Some((&call.key, &server.holder)),
        metadata: metadata.as_ref(),
    };
    let entered = Cell::new(false);
    // Unwind safety: of our own state only `reply` is half-done after a panic, and it is written anew. State that the
    // implementation leaves half-done is its own responsibility, as with any panic in a thread.
    let ended = catch_unwind(AssertUnwindSafe(|| {
        service.dispatch(Dispatch::new(call.entry.index, arguments, reply, &entered, env))
    }));
    match ended {
        Ok(Ok(dispatched)) => dispatched.status(),
        Ok(Err(refused)) => {
            write_text(reply, &refused.detail);
            Some(Status::Refused(refused.reason))
        }
        Err(panic) => match given_up(panic) {
            Ok(text) => {
                write_text(reply, &text);
                Some(Status::GivenUp)
            }
            Err(panic) => {
                write_text(reply, &panic_text(panic));
                let text = String::from_utf8_lossy(reply);
                log::error!(method = call.entry.method.name, call = %call.call, panic = %Escaped(text), "a handler panicked");
                Some(if entered.get() { Status::Panicked } else { Status::Refused(Reason::BadArguments) })
            }
        },
    }
}

/// Splits the body of a call into its arguments and its metadata.
#[cold] // so that calls without metadata do not pay for it
fn split(body: &[u8]) -> Result<(&[u8], Arc<Metadata>), Refused> {
    let detail = || "the metadata of the call cannot be read".to_owned();
    let (arguments, metadata) =
        Metadata::split(body).ok_or_else(|| Refused { reason: Reason::BadArguments, detail: detail() })?;
    Ok((arguments, Arc::new(metadata)))
}

/// Replaces the reply by a text, cut to the longest text that may be sent.
fn write_text(reply: &mut Vec<u8>, text: &str) {
    reply.clear();
    reply.extend_from_slice(cut(text, MAX_DETAIL).as_bytes());
}
