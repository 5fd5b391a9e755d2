//! Layer 3: the trait that a server stub implements, and the data that it is given for one call.

mod dispatch;

use std::cell::Cell;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[doc(hidden)] // for the drivers of a server: `net`, the simulator, and their tests
pub use dispatch::{Runtime, dispatch, panic_text};
use serde::{Deserialize, Serialize};

use crate::call::Returned;
use crate::contract::Contract;
use crate::error::Reason;
use crate::ids::{CallId, Clock, Time};
use crate::limits::MAX_DETAIL;
use crate::wire::codec::{self, EncodeError};
use crate::wire::message::{Status, cut};

/// A server stub, as `#[rpc]` writes it: decodes the arguments, calls the implementation, and encodes the reply.
pub trait Service: Send + Sync + 'static {
    /// The trait as the server was built with it.
    fn contract(&self) -> &'static Contract;

    /// Runs one call.
    ///
    /// # Errors
    /// When it refuses the call before the implementation is entered: the call was then not executed.
    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused>;
}

/// A call that was refused before the implementation was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason, as the caller's type.
    pub reason: Reason,
    /// The reason in words.
    pub detail: String,
}

/// Proof that a call ran and its reply was written. Only [`Dispatch`] makes one.
#[derive(Debug)]
pub struct Dispatched {
    status: Status,
}

impl Dispatched {
    /// Returns the status, which tells how to read the reply.
    pub fn status(&self) -> Status {
        self.status
    }
}

/// The call that runs, for methods that take a `cx: &CallContext`: its name, its caller, its deadline.
#[derive(Clone)]
pub struct CallContext {
    call: CallId,
    peer: Option<SocketAddr>,
    deadline: Time,
    clock: Arc<dyn Clock>,
    cancelled: Option<Arc<AtomicBool>>,
}

impl CallContext {
    /// Returns the call's name: session, slot and sequence number. It is the same for every duplicate of the call.
    pub fn call(&self) -> CallId {
        self.call
    }

    /// Returns the address of the caller; `None` in the simulator and in-process.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Returns the time that the caller still waits; zero when it has given up.
    pub fn time_left(&self) -> Duration {
        self.deadline.since(self.clock.now())
    }

    /// Returns true if the caller has cancelled, or its deadline has passed. The value that the implementation returns is
    /// still the reply: a running call never becomes 'not executed'. It may still reach its caller, just before the caller gives
    /// up, so do not return a value that means something else.
    pub fn is_cancelled(&self) -> bool {
        let told = self.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed));
        told || self.time_left().is_zero()
    }
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallContext({} from {:?})", self.call, self.peer)
    }
}

/// The data of one call that the server has and the stub does not; the function `dispatch` is given it by its caller.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The call's name.
    pub call: CallId,
    /// The address of the caller.
    pub peer: Option<SocketAddr>,
    /// Until when the caller waits.
    pub deadline: Time,
    /// The clock of `deadline`.
    pub clock: &'a Arc<dyn Clock>,
    /// Set when the caller cancels; there only for methods that take a context.
    pub cancelled: Option<&'a Arc<AtomicBool>>,
    /// Longest reply body.
    pub limit: usize,
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Surroundings({})", self.call)
    }
}

/// One call on its way through a server stub.
#[derive(Debug)]
pub struct Dispatch<'a> {
    method: usize,
    arguments: &'a [u8],
    reply: &'a mut Vec<u8>,
    entered: &'a Cell<bool>,
    around: Surroundings<'a>,
}

impl<'a> Dispatch<'a> {
    /// A call of the method at index `method` of its contract. The reply is appended to `reply`; `entered` is set
    /// when the implementation is about to be entered, so that a panic can be told to be before or after.
    pub fn new(
        method: usize,
        arguments: &'a [u8],
        reply: &'a mut Vec<u8>,
        entered: &'a Cell<bool>,
        around: Surroundings<'a>,
    ) -> Self {
        Dispatch { method, arguments, reply, entered, around }
    }

    /// Returns the index of the method in the contract.
    pub fn method(&self) -> usize {
        self.method
    }

    /// Decodes the arguments, a tuple, from all of the bytes that came.
    ///
    /// # Errors
    /// When they are not such a tuple: the call is refused.
    pub fn arguments<A: Deserialize<'a>>(&self) -> Result<A, Refused> {
        let decoded = codec::decode(self.arguments)
            .map_err(|error| Refused { reason: Reason::BadArguments, detail: error.to_string() })?;
        self.entered.set(true); // nothing but the implementation comes between this and the reply
        Ok(decoded)
    }

    /// Returns the context for the implementation.
    pub fn context(&self) -> CallContext {
        CallContext {
            call: self.around.call,
            peer: self.around.peer,
            deadline: self.around.deadline,
            clock: Arc::clone(self.around.clock),
            cancelled: self.around.cancelled.cloned(),
        }
    }

    /// Writes the reply of a method that returns `T`.
    ///
    /// # Errors
    /// Never: the type is that of [`Service::dispatch`], so that a match arm can end in it.
    pub fn reply<T: Returned>(self, value: T::Value) -> Result<Dispatched, Refused> {
        let encoded = T::encode(&value, self.reply, self.around.limit);
        Ok(self.written(encoded, Status::Done))
    }

    /// Writes the reply of a method that returns `Result<T, E>`.
    ///
    /// # Errors
    /// Never, as [`Dispatch::reply`].
    pub fn reply_result<T: Returned, E: Serialize>(
        self,
        result: Result<T::Value, E>,
    ) -> Result<Dispatched, Refused> {
        match result {
            Ok(value) => self.reply::<T>(value),
            Err(error) => {
                let encoded = codec::encode(&error, self.reply, self.around.limit);
                Ok(self.written(encoded, Status::Failed))
            }
        }
    }

    /// The answer to an index that the contract does not have: a defect of the caller of the stub.
    ///
    /// # Errors
    /// Always: the call is refused.
    pub fn no_such_method(self) -> Result<Dispatched, Refused> {
        let detail = format!("the service has no method at index {}", self.method);
        Err(Refused { reason: Reason::NoSuchMethod, detail })
    }

    /// The call ran: a reply that cannot be sent is lost, and its text says why.
    fn written(self, encoded: Result<(), EncodeError>, status: Status) -> Dispatched {
        match encoded {
            Ok(()) => Dispatched { status },
            Err(error) => {
                let text = format!("the reply could not be sent: {error}");
                self.reply.extend_from_slice(cut(&text, MAX_DETAIL).as_bytes());
                Dispatched { status: Status::ReplyLost }
            }
        }
    }
}
