//! Floor 3: what a client stub carries beside its methods: the channel, and options that copies of it may set.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::channel::{Channel, ChannelStats};
use super::error::Place;
use super::pending::Pending;
use super::reply::Reply;
use crate::contract::{Contract, Method};
use crate::error::Reason;
use crate::proto::{Outcome, Request};
use crate::wire::codec::{self, EncodeError};
use crate::wire::frame::body_checksum;
use crate::wire::message::Table;

/// What `#[rpc]` implements for a client stub.
pub trait Client: Sized {
    /// What the trait promised when the stub was built.
    const CONTRACT: &'static Contract;
    /// The stub that calls through `caller`.
    fn from_caller(caller: Caller) -> Self;
}

/// Carries calls of one stub: the channel they share, and the options of this copy of the stub.
/// Generated code calls through it; users meet it as [`Handle`].
#[derive(Clone, Debug)]
pub struct Caller {
    channel: Arc<dyn Channel>,
    deadline: Option<Duration>, // of this copy; else the method's, else the client's
    default_deadline: Duration,
    max_frame: usize,
    retry: bool,
}

impl Caller {
    /// A caller over `channel` with the default options.
    pub fn new(channel: Arc<dyn Channel>, default_deadline: Duration, max_frame: usize) -> Self {
        Caller { channel, deadline: None, default_deadline, max_frame, retry: true }
    }

    /// Calls `method` and waits for its reply.
    pub fn call<R: Reply>(&self, method: &'static Method, arguments: &impl Serialize) -> R::Output {
        let (outcome, open) = match self.request(method, arguments) {
            Ok(request) => self.channel.call(request),
            Err(outcome) => (outcome, None),
        };
        R::output(outcome, || Place::new(method, &self.channel, open))
    }

    /// Starts a call of `method`; what it returns stands for the reply to come.
    pub fn start<R: Reply>(&self, method: &'static Method, arguments: &impl Serialize) -> Pending<R> {
        let started = self.request(method, arguments).and_then(|request| self.channel.start(request));
        Pending::new(started, method, Arc::clone(&self.channel))
    }

    /// The deadline that a call of `method` gets through this copy.
    pub fn deadline_of(&self, method: &Method) -> Duration {
        self.deadline.or(method.deadline).unwrap_or(self.default_deadline)
    }

    /// Stands for a call that is refused before it is sent.
    pub(super) fn refused<R: Reply>(&self, method: &'static Method, outcome: Outcome) -> Pending<R> {
        Pending::new(Err(outcome), method, Arc::clone(&self.channel))
    }

    /// The server's methods of a service whose contract differs.
    pub(super) fn table(&self, service: &str) -> Option<Arc<Table>> {
        self.channel.table(service)
    }

    /// A copy whose calls have this deadline.
    pub(super) fn within(&self, deadline: Duration) -> Caller {
        Caller { deadline: Some(deadline), ..self.clone() }
    }

    pub(super) fn peer(&self) -> Arc<str> {
        self.channel.peer()
    }

    pub(super) fn close(&self) {
        self.channel.close();
    }

    fn request(&self, method: &'static Method, arguments: &impl Serialize) -> Result<Request, Outcome> {
        let mut body = Vec::with_capacity(96); // most arguments fit, and it need not grow
        match codec::encode(arguments, &mut body, self.max_frame) {
            Ok(()) => Ok(Request {
                method,
                body_crc: body_checksum(&body, true),
                body,
                within: self.deadline_of(method),
                repeat: method.idempotent && self.retry,
                retry: self.retry,
            }),
            Err(error @ EncodeError::TooLarge { .. }) => {
                Err(Outcome::NotExecuted(Reason::TooLarge, error.to_string()))
            }
            Err(error) => Err(Outcome::NotExecuted(Reason::Encode, error.to_string())),
        }
    }
}

/// All that a client can do that is not a method of its service: `kv.call`.
///
/// Each option gives a new client that shares the session; keep it, or use it once:
/// `kv.call.within(ms(50)).get("a")`.
pub struct Handle<C> {
    caller: Caller,
    client: PhantomData<fn() -> C>,
}

impl<C: Client> Handle<C> {
    /// The handle of a stub; generated code calls this.
    pub fn new(caller: Caller) -> Self {
        Handle { caller, client: PhantomData }
    }

    /// A client whose calls have this deadline, whatever their methods say.
    pub fn within(&self, deadline: Duration) -> C {
        C::from_caller(self.caller.within(deadline))
    }

    /// A client that does (the default) or does not by itself repeat idempotent calls and try busy ones again.
    pub fn retry(&self, retry: bool) -> C {
        C::from_caller(Caller { retry, ..self.caller.clone() })
    }

    /// The deadline of calls whose method and copy name none.
    pub fn default_deadline(&self) -> Duration {
        self.caller.deadline.unwrap_or(self.caller.default_deadline)
    }

    /// Where the server is.
    pub fn peer(&self) -> Arc<str> {
        self.caller.channel.peer()
    }

    /// What this client and its copies have seen.
    pub fn stats(&self) -> ChannelStats {
        self.caller.channel.stats()
    }

    /// Ends the session for this client and its copies. Calls under way get their verdicts: sent ones are unknown.
    pub fn close(&self) {
        self.caller.channel.close();
    }

    /// What carries this stub's calls. Generated code calls through it; another service of the same server can share
    /// it: `Connector::share`.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl<C> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Handle { caller: self.caller.clone(), client: PhantomData }
    }
}

impl<C> fmt::Debug for Handle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.caller).finish()
    }
}
