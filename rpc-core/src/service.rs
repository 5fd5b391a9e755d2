//! Layer 3: the trait that a server stub implements, and all that it gets for one call.

mod around;
mod call_context;
mod call_limit;
mod dispatch;
mod drain_signal;
mod durable;
mod health;
mod later;
mod reflection;

use std::cell::Cell;

pub use around::{Around, ServerHook};
pub use call_context::{CallContext, CallEnv};
pub use call_limit::CallLimit;
#[doc(hidden)] // for the drivers of a server: `net`, the simulator, and their tests
pub use dispatch::{DispatchEnv, dispatch};
#[doc(hidden)] // for the same
pub use drain_signal::DrainSignal;
#[doc(hidden)] // for the same
pub use durable::DurableCalls;
pub use durable::{DurableError, DurableFilter, FinishedCall, Restored};
pub use health::{Health, HealthClient, HealthState};
#[doc(hidden)] // for the same
pub use later::{Holder, Notice};
pub use later::{Later, Responder};
#[doc(hidden)] // for the drivers of a server
pub use reflection::Reflection;
pub use reflection::{
    Argument, LimitValue, MethodDescription, ReflectionClient, ServerDescription, ServiceDescription,
    ServiceSummary, TypesDescription,
};
use serde::{Deserialize, Serialize};

use crate::call::Returned;
use crate::contract::Contract;
use crate::error::Reason;
use crate::limits::MAX_DETAIL;
use crate::wire::codec::{self, EncodeError};
use crate::wire::message::{Status, cut};

/// The trait that `#[rpc]` implements for a server stub: it decodes the arguments, calls the implementation, and encodes.
///
/// ```
/// use rpc_core::{RunningServer, ServeError, Server, Service};
///
/// /// Serves any service at any free port, for a test.
/// fn serve_here(service: impl Service) -> Result<RunningServer, ServeError> {
///     Server::builder().service(service).bind("127.0.0.1:0")?.spawn()
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be served: it is no server stub",
    label = "wrap the implementation in the server of its trait",
    note = "`#[rpc] trait Jobs` makes the type `JobsServer`: write `JobsServer::new(..)` around the implementation"
)]
pub trait Service: Send + Sync + 'static {
    /// Returns the contract of the trait, as the server was built with it.
    fn contract(&self) -> &'static Contract;

    /// Runs one call.
    ///
    /// # Errors
    /// Returns an error if it refuses the call before the implementation is entered: the call was not executed.
    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused>;
}

/// A call that was refused before the implementation was entered.
///
/// ```
/// use rpc_core::{CallContext, Refused};
///
/// fn check(cx: &CallContext) -> Result<(), Refused> {
///     match cx.metadata().get("user") {
///         Some("root") => Ok(()),
///         _ => Err(Refused::denied("only root may call this")),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason, as the caller gets it.
    pub reason: Reason,
    /// The reason as a text for people.
    pub detail: String,
}

impl Refused {
    /// Refuses a call that may not run for this caller. No client tries it again by itself.
    pub fn denied(text: impl Into<String>) -> Self {
        Refused { reason: Reason::Denied, detail: text.into() }
    }

    /// Refuses a call for which there is no room now. A client tries again after a pause, while its deadline and its budget allow it.
    pub fn busy(text: impl Into<String>) -> Self {
        Refused { reason: Reason::Busy, detail: text.into() }
    }
}

/// Proof that a call ran, and that its reply was written or comes later. Only [`Dispatch`] creates one.
#[derive(Debug)]
pub struct Dispatched {
    /// The status of the reply; `None` if it comes later.
    status: Option<Status>,
}

impl Dispatched {
    /// Returns the status of the reply, which says how its body is to be read. Returns `None` if the reply comes later.
    pub fn status(&self) -> Option<Status> {
        self.status
    }
}

/// One call on its way through a server stub.
#[derive(Debug)]
pub struct Dispatch<'a> {
    /// The index of the method in its contract.
    method: usize,
    /// The encoded arguments.
    arguments: &'a [u8],
    /// The buffer that the reply is appended to.
    reply: &'a mut Vec<u8>,
    /// Set when the implementation is about to be entered.
    entered: &'a Cell<bool>,
    /// The environment of the call. By reference: it is long, and few methods look at more than its bounds.
    env: &'a CallEnv<'a>,
}

impl<'a> Dispatch<'a> {
    /// Returns a call of the method at index `method` of its contract. The reply is appended to `reply`; `entered` is set
    /// when the implementation is about to be entered, so that a panic before it can be told from a panic in it.
    pub fn new(
        method: usize,
        arguments: &'a [u8],
        reply: &'a mut Vec<u8>,
        entered: &'a Cell<bool>,
        env: &'a CallEnv<'a>,
    ) -> Self {
        Dispatch { method, arguments, reply, entered, env }
    }

    /// Returns the index of the method in its contract.
    pub fn method(&self) -> usize {
        self.method
    }

    /// Decodes the arguments, a tuple, from all bytes of the request.
    ///
    /// # Errors
    /// Returns an error if the bytes are not such a tuple: the call is refused.
    pub fn arguments<A: Deserialize<'a>>(&self) -> Result<A, Refused> {
        let decoded = codec::decode_within(self.arguments, self.env.bounds.nesting)
            .map_err(|error| Refused { reason: Reason::BadArguments, detail: error.to_string() })?;
        self.entered.set(true); // nothing but the implementation comes between this and the reply
        Ok(decoded)
    }

    /// Returns the context of the call, for the implementation.
    pub fn context(&self) -> CallContext {
        CallContext::of(self.env)
    }

    /// Writes the reply of a method that returns `T`.
    ///
    /// # Errors
    /// Never returns an error: the type is that of [`Service::dispatch`], so that a match arm can end in it.
    pub fn reply<T: Returned>(self, value: T::Value) -> Result<Dispatched, Refused> {
        let encoded = T::encode(&value, self.reply, self.env.bounds);
        Ok(self.written(encoded, Status::Done))
    }

    /// Writes the reply of a method that returns `Result<T, E>`.
    ///
    /// # Errors
    /// Never returns an error, as [`Dispatch::reply`].
    pub fn reply_result<T: Returned, E: Serialize>(
        self,
        result: Result<T::Value, E>,
    ) -> Result<Dispatched, Refused> {
        match result {
            Ok(value) => self.reply::<T>(value),
            Err(error) => {
                let encoded = codec::encode(&error, self.reply, self.env.bounds);
                Ok(self.written(encoded, Status::Failed))
            }
        }
    }

    /// Refuses a call whose index the contract does not have, which is a defect of the code that calls the stub.
    ///
    /// # Errors
    /// Always returns an error.
    pub fn no_such_method(self) -> Result<Dispatched, Refused> {
        let detail = format!("the service has no method at index {}", self.method);
        Err(Refused { reason: Reason::NoSuchMethod, detail })
    }

    /// Writes the reply of a method that returns a `Later<T>`, now or when it is there.
    ///
    /// # Errors
    /// Never returns an error, as [`Dispatch::reply`].
    pub fn reply_later<T: Returned>(self, later: Later<T::Value>) -> Result<Dispatched, Refused>
    where
        T::Value: Send + 'static,
    {
        Ok(self.hold(later, |value, into, bounds| {
            let encoded = T::encode(&value, into, bounds);
            status_of(encoded, Status::Done, into)
        }))
    }

    /// Writes the reply of a method that returns a `Later<Result<T, E>>`, now or when it is there.
    ///
    /// # Errors
    /// Never returns an error, as [`Dispatch::reply`].
    pub fn reply_result_later<T, E>(self, later: Later<Result<T::Value, E>>) -> Result<Dispatched, Refused>
    where
        T: Returned,
        T::Value: Send + 'static,
        E: Serialize + Send + 'static,
    {
        Ok(self.hold(later, |result, into, bounds| match result {
            Ok(value) => {
                let encoded = T::encode(&value, into, bounds);
                status_of(encoded, Status::Done, into)
            }
            Err(error) => {
                let encoded = codec::encode(&error, into, bounds);
                status_of(encoded, Status::Failed, into)
            }
        }))
    }

    /// Binds a result that comes later to this call.
    fn hold<V: Send + 'static>(self, later: Later<V>, encode: later::Encode<V>) -> Dispatched {
        let Some((key, holder)) = self.env.held else {
            self.reply.extend_from_slice(b"this server cannot reply later");
            return Dispatched { status: Some(Status::GivenUp) };
        };
        let CallEnv { bounds, deadline, clock, cancelled, .. } = *self.env;
        let bound = later::Bound { key: *key, bounds, deadline, clock, told: cancelled, holder };
        Dispatched { status: later.bind(encode, bound, self.reply) }
    }

    /// Returns the proof of a reply.
    fn written(self, encoded: Result<(), EncodeError>, status: Status) -> Dispatched {
        Dispatched { status: Some(status_of(encoded, status, self.reply)) }
    }
}

/// Returns the status of a reply. The call has run, so a reply that cannot be encoded is lost, and its text says why.
#[inline]
fn status_of(encoded: Result<(), EncodeError>, status: Status, reply: &mut Vec<u8>) -> Status {
    match encoded {
        Ok(()) => status,
        Err(error) => reply_lost(&error, reply),
    }
}

#[cold]
fn reply_lost(error: &EncodeError, reply: &mut Vec<u8>) -> Status {
    let text = format!("the reply could not be sent: {error}");
    reply.extend_from_slice(cut(&text, MAX_DETAIL).as_bytes());
    Status::ReplyLost
}
