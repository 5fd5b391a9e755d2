//! Layer 3: the context of a running call: what its implementation can ask, and what the code that runs it knows.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{DrainSignal, Holder};
use crate::contract::Method;
use crate::ids::{CallId, Clock, Time};
use crate::limits::Bounds;
use crate::proto::peer::{Peer, PeerCredentials};
use crate::proto::server::{CallKey, Told};
use crate::wire::metadata::Metadata;

/// The context of a running call, for implementations that take `cx: &CallContext`.
#[doc = include_str!("call_context.md")]
#[derive(Clone)]
pub struct CallContext {
    /// The name of the call.
    call: CallId,
    /// The method.
    method: &'static Method,
    /// The caller, as far as it is known.
    peer: Option<Peer>,
    /// The time until which the caller waits.
    deadline: Time,
    /// The clock of `deadline`.
    clock: Arc<dyn Clock>,
    /// Set when the caller cancels the call.
    cancelled: Option<Arc<Told>>,
    /// The metadata of the call; `None` if it has none.
    metadata: Option<Arc<Metadata>>,
    /// Set when the server drains; `None` if its driver cannot hold calls.
    draining: Option<Arc<DrainSignal>>,
}

/// The metadata of calls that have none.
static NO_METADATA: Metadata = Metadata::empty();

impl CallContext {
    /// Returns the context of a call.
    pub(super) fn of(env: &CallEnv<'_>) -> Self {
        CallContext {
            call: env.call,
            method: env.method,
            peer: env.peer,
            deadline: env.deadline,
            clock: Arc::clone(env.clock),
            cancelled: env.cancelled.cloned(),
            metadata: env.metadata.cloned(),
            draining: env.held.map(|(_, holder)| Arc::clone(holder.draining())),
        }
    }

    /// Returns the name of the call: session, slot and sequence number. Every duplicate of the call has the same name.
    pub fn call(&self) -> CallId {
        self.call
    }

    /// Returns the method: its name is `Service.method`.
    pub fn method(&self) -> &'static Method {
        self.method
    }

    /// Returns the texts that the caller has sent beside the arguments. They are the word of the caller, and prove nothing.
    pub fn metadata(&self) -> &Metadata {
        self.metadata.as_deref().unwrap_or(&NO_METADATA)
    }

    /// Returns the address of the caller; `None` over a Unix socket, in the simulator and in-process.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer?.address()
    }

    /// Returns the user and the process that call over a Unix socket, as the kernel tells them; `None` over TCP, in the simulator
    /// and in-process, and on operating systems other than Linux.
    pub fn credentials(&self) -> Option<PeerCredentials> {
        self.peer?.credentials()
    }

    /// Returns the time that the caller still waits; zero when it has given up.
    pub fn time_left(&self) -> Duration {
        self.deadline.since(self.clock.now())
    }

    /// Returns true if the caller has cancelled the call, its deadline has passed, its session has ended, or the server has left
    /// the call behind at its end. The call still ends in what the implementation does: a running call never becomes 'not executed'. Its caller is told 'unknown', and what the
    /// implementation returns is found by [`resolve`](crate::Unknown::resolve). So do not return a value that means something
    /// else; [`give_up`](CallContext::give_up) ends the call without one.
    pub fn is_cancelled(&self) -> bool {
        let told = self.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed));
        told || self.time_left().is_zero()
    }

    /// Returns true if the server is shutting down. The call may go on: the drain waits for it, for the grace time of the server's
    /// limits at most. A handler that has no end of its own, or a long one, looks at it and ends in time, in a value or by
    /// [`give_up`](CallContext::give_up).
    #[doc = include_str!("is_draining.md")]
    pub fn is_draining(&self) -> bool {
        self.draining.as_ref().is_some_and(|signal| signal.is_set())
    }
}

impl CallContext {
    /// Ends the handler and its call without a reply, whatever type the method returns. The verdict of the caller is
    /// [`GivenUp`](crate::GivenUp) with this text: it began, and its effects may be partial. Duplicates of the call get the
    /// same, and so does [`resolve`](crate::Unknown::resolve).
    ///
    /// It unwinds the thread, so call it on the thread that runs the handler, and not while a lock is held: a mutex of the
    /// standard library is poisoned by it as by a panic. Nothing is printed. A program that is built with `panic = "abort"`
    /// ends here, as it does when a handler panics: return an error of your own there.
    #[doc = include_str!("give_up.md")]
    pub fn give_up(&self, reason: impl fmt::Display) -> ! {
        crate::panics::give_up(reason.to_string())
    }
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallContext({} from {:?})", self.call, self.peer)
    }
}

/// The environment of one call on a server, from the code that runs the call.
#[derive(Clone, Copy)]
pub struct CallEnv<'a> {
    /// The name of the call.
    pub call: CallId,
    /// The method.
    pub method: &'static Method,
    /// The caller, as far as it is known.
    pub peer: Option<Peer>,
    /// The time until which the caller waits.
    pub deadline: Time,
    /// The clock of `deadline`.
    pub clock: &'a Arc<dyn Clock>,
    /// Set when the caller cancels; there only for methods that take a context.
    pub cancelled: Option<&'a Arc<Told>>,
    /// The call as its driver knows it, and the driver; `None` if the driver cannot hold calls.
    pub held: Option<(&'a CallKey, &'a Arc<dyn Holder>)>,
    /// The bounds of the reply. The arguments may be nested as deep.
    pub bounds: Bounds,
    /// The metadata of the call; `None` if it has none.
    pub metadata: Option<&'a Arc<Metadata>>,
}

impl fmt::Debug for CallEnv<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallEnv({})", self.call)
    }
}
