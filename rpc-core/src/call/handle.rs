//! Layer 3: what a client stub holds beside its methods: the channel and the options of this copy of the stub.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::around::{ClientHook, Hooks};
use super::channel::Channel;
use super::error::CallError;
use super::pending::Pending;
use super::reply::{Received, read};
use super::{ClientCounters, Outage};
use crate::arguments;
use crate::contract::{Contract, Method};
use crate::error::Reason;
use crate::ids::Incarnation;
use crate::limits::Bounds;
use crate::proto::{Outcome, Request};
use crate::wire::codec::{self, EncodeError};
use crate::wire::frame::body_checksum;
use crate::wire::message::Table;
use crate::wire::metadata::Metadata;

/// A client stub. `#[rpc]` implements this trait for `KvClient`.
///
/// ```
/// use rpc_core::{Client, ConnectError, Connector};
///
/// /// Connects a client of any service.
/// fn connect<C: Client>(address: &str) -> Result<C, ConnectError> {
///     println!("connecting to {} at {address}", C::CONTRACT.service);
///     Connector::new().connect(address)
/// }
/// ```
pub trait Client: Sized {
    /// The methods of the service when the stub was built; the server compares them with its own.
    const CONTRACT: &'static Contract;
    /// Returns a stub that calls through `caller`.
    fn from_caller(caller: Caller) -> Self;
}

/// Makes the calls of one stub. Generated code uses it; users use [`Handle`].
///
/// ```
/// use rpc_core::{CallError, Caller, Client, Contract, Handle, Method, Never};
///
/// static METHODS: [Method; 1] = [Method::new("Adder.add", "fn add(x: i64, y: i64) -> i64")];
/// static CONTRACT: Contract = Contract::new("Adder", &METHODS);
///
/// /// A client that is written by hand, as `#[rpc]` would write it.
/// pub struct AdderClient {
///     pub call: Handle<AdderClient>,
/// }
///
/// impl AdderClient {
///     pub fn add(&self, x: i64, y: i64) -> Result<i64, CallError> {
///         self.call.caller().call::<i64, Never>(&METHODS[0], &(x, y))
///     }
/// }
///
/// impl Client for AdderClient {
///     const CONTRACT: &'static Contract = &CONTRACT;
///
///     fn from_caller(caller: Caller) -> Self {
///         AdderClient { call: Handle::new(caller) }
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Caller {
    /// The channel, shared with all copies of the stub.
    pub(super) channel: Arc<dyn Channel>,
    /// The deadline of this copy. If `None`, that of the method is used, and then `default_deadline`.
    deadline: Option<Duration>,
    /// The deadline of calls for which neither this copy nor the method has one.
    default_deadline: Duration,
    /// The bounds of the arguments of a call. Its reply may be nested as deep.
    pub(super) bounds: Bounds,
    /// True if idempotent calls are repeated, and calls that a busy server refused are tried again.
    retry: bool,
    /// True if calls end as soon as the server could not be reached at any of its addresses.
    fail_fast: bool,
    /// The metadata of each call; `None` if they have none.
    pub(super) metadata: Option<Arc<Metadata>>,
    /// The code around each call; `None` if there is none.
    pub(super) hooks: Option<Arc<Hooks>>,
}

impl Caller {
    /// Returns a caller over `channel` with the default options.
    pub fn new(channel: Arc<dyn Channel>, default_deadline: Duration, bounds: impl Into<Bounds>) -> Self {
        let bounds = bounds.into();
        Caller {
            channel,
            deadline: None,
            default_deadline,
            bounds,
            retry: true,
            fail_fast: false,
            metadata: None,
            hooks: None,
        }
    }

    /// Calls `method` and waits for its reply. A method without an error type of its own is called with `E` =
    /// [`Never`](super::Never).
    ///
    /// # Errors
    /// [`CallError`] tells if the call ran.
    pub fn call<T: Received, E: DeserializeOwned + 'static>(
        &self,
        method: &'static Method,
        arguments: &impl Serialize,
    ) -> Result<T::Value, CallError<E>> {
        if self.hooks.is_some() {
            return self.call_around::<T, E>(method, arguments);
        }
        let (outcome, open) = match self.request(method, arguments) {
            Ok(request) => self.channel.call(request),
            Err(outcome) => (outcome, None),
        };
        read::<T, E>(outcome, method, &self.channel, open, self.bounds.nesting)
    }

    /// Starts a call of `method` and returns without waiting for its reply.
    pub fn start<T: Received, E: DeserializeOwned + 'static>(
        &self,
        method: &'static Method,
        arguments: &impl Serialize,
    ) -> Pending<T::Value, E> {
        if self.hooks.is_some() {
            return self.start_around::<T, E>(method, arguments);
        }
        let started = self.request(method, arguments).and_then(|request| self.channel.start(request));
        Pending::new(started, method, Arc::clone(&self.channel), (read::<T, E>, self.bounds.nesting))
    }

    /// Returns the deadline of a call of `method` through this caller.
    pub fn deadline_of(&self, method: &Method) -> Duration {
        self.deadline.or(method.deadline).unwrap_or(self.default_deadline)
    }

    /// Returns a call that has already ended: it was refused before it was sent.
    pub(super) fn refused<T: Received, E: DeserializeOwned + 'static>(
        &self,
        method: &'static Method,
        outcome: Outcome,
    ) -> Pending<T::Value, E> {
        if let Some(hooks) = &self.hooks {
            hooks.begin(self.outgoing(method)).tell(&outcome);
        }
        Pending::new(Err(outcome), method, Arc::clone(&self.channel), (read::<T, E>, self.bounds.nesting))
    }

    /// Returns the server's methods of a service whose contract differs from the client's.
    pub(super) fn table(&self, service: &str) -> Option<Arc<Table>> {
        self.channel.table(service)
    }

    /// Returns a caller whose calls have this deadline.
    pub(super) fn with_deadline(&self, deadline: Duration) -> Caller {
        Caller { deadline: Some(deadline), ..self.clone() }
    }

    /// Returns a caller whose calls end as soon as the server could not be reached at any of its addresses, or wait for it.
    pub fn with_fail_fast(&self, fail_fast: bool) -> Caller {
        Caller { fail_fast, ..self.clone() }
    }

    pub(super) fn peer(&self) -> Arc<str> {
        self.channel.peer()
    }

    pub(super) fn close(&self) {
        self.channel.close();
    }

    /// Appends metadata to the arguments of a call. Returns the number of its bytes.
    #[cold] // so that calls without metadata do not pay for it
    fn append(&self, metadata: &Metadata, body: &mut Vec<u8>) -> Result<usize, Outcome> {
        let bytes = metadata.append_to(body);
        if body.len() > self.bounds.bytes {
            let text =
                format!("{} bytes with its metadata are over the limit of {}", body.len(), self.bounds.bytes);
            return Err(Outcome::NotExecuted(Reason::TooLarge, text));
        }
        Ok(bytes)
    }

    /// Encodes a call.
    pub(super) fn request(
        &self,
        method: &'static Method,
        arguments: &impl Serialize,
    ) -> Result<Request, Outcome> {
        let mut body = arguments::take();
        match codec::encode(arguments, &mut body, self.bounds) {
            Ok(()) => Ok(Request {
                method,
                metadata: match &self.metadata {
                    Some(metadata) => self.append(metadata, &mut body)?,
                    None => 0,
                },
                body_crc: body_checksum(&body, true),
                body,
                within: self.deadline_of(method),
                repeat: method.idempotent && self.retry,
                retry: self.retry,
                fail_fast: self.fail_fast,
            }),
            Err(error @ EncodeError::TooLarge { .. }) => {
                let text = format!("{error}, which is this client's setting `ClientLimits::max_frame`");
                Err(Outcome::NotExecuted(Reason::TooLarge, text))
            }
            Err(error) => Err(Outcome::NotExecuted(Reason::Encode, error.to_string())),
        }
    }
}

/// The options and the state of a client: its field `call`.
///
/// Each option returns a new client that shares the session of this one.
#[doc = include_str!("handle/options.md")]
pub struct Handle<C> {
    /// Makes the calls.
    caller: Caller,
    /// The client that the options return.
    client: PhantomData<fn() -> C>,
}

impl<C: Client> Handle<C> {
    /// Returns the handle of a stub. Generated code calls this.
    pub fn new(caller: Caller) -> Self {
        Handle { caller, client: PhantomData }
    }

    /// Returns a client whose calls have this deadline, also if their methods have another.
    pub fn with_deadline(&self, deadline: Duration) -> C {
        C::from_caller(self.caller.with_deadline(deadline))
    }

    /// Returns a client that repeats idempotent calls whose outcome is unknown, and tries calls again that a busy server
    /// refused (`true`, the default), or does neither (`false`).
    ///
    /// ```
    /// use rpc_core::{CallError, rpc};
    ///
    /// #[rpc]
    /// pub trait Counter {
    ///     #[rpc(idempotent)]
    ///     fn read(&self) -> u64;
    /// }
    ///
    /// /// Reads once, and never a second time: the caller asks another server instead.
    /// fn read_once(counter: &CounterClient) -> Result<u64, CallError> {
    ///     counter.call.with_retry(false).read()
    /// }
    /// ```
    pub fn with_retry(&self, retry: bool) -> C {
        C::from_caller(Caller { retry, ..self.caller.clone() })
    }

    /// Returns a client whose calls end as soon as every address of the server was tried once and has failed (`true`), or wait
    /// for the server until their deadlines (`false`). See [`Connector::fail_fast`](crate::Connector::fail_fast).
    ///
    /// ```no_run
    /// use rpc_core::{CallError, rpc};
    ///
    /// #[rpc]
    /// pub trait Kv {
    ///     fn get(&self, key: &str) -> Option<String>;
    /// }
    ///
    /// fn get_at_once(kv: &KvClient) -> Result<Option<String>, CallError> {
    ///     kv.call.with_fail_fast(true).get("a") // this call only
    /// }
    /// ```
    pub fn with_fail_fast(&self, fail_fast: bool) -> C {
        C::from_caller(self.caller.with_fail_fast(fail_fast))
    }

    /// Returns a client that sends these texts beside the arguments of each call, in place of those that it has sent so far. The
    /// methods find them in [`CallContext::metadata`](crate::CallContext::metadata). A server of an earlier version gets the calls
    /// without them. See [`Metadata`] for an example.
    pub fn with_metadata(&self, metadata: Metadata) -> C {
        let metadata = Some(Arc::new(metadata)).filter(|metadata| !metadata.is_empty());
        C::from_caller(Caller { metadata, ..self.caller.clone() })
    }

    /// Returns a client with a [`ClientHook`] around each of its calls: calls that wait, started calls, and those in a
    /// [`Race`](super::Race). A hook that this client has already is inside: the last one that was put around runs first.
    #[doc = include_str!("handle/around.md")]
    pub fn around(&self, hook: impl ClientHook) -> C {
        C::from_caller(self.caller.around(hook))
    }

    /// Returns the deadline of calls whose method has none.
    pub fn default_deadline(&self) -> Duration {
        self.caller.deadline.unwrap_or(self.caller.default_deadline)
    }

    /// Returns the server's address.
    pub fn peer(&self) -> Arc<str> {
        self.caller.channel.peer()
    }

    /// Returns the life of the server process that opened the last session. `None` before the first session, and on a channel
    /// that has none. A server that was restarted has another one: what it kept in memory is gone, although no call may have failed.
    ///
    /// ```no_run
    /// use rpc_core::{CallError, rpc};
    ///
    /// #[rpc]
    /// pub trait Jobs {
    ///     /// Adds a job, and returns its number.
    ///     fn add(&self, job: &str) -> u64;
    /// }
    ///
    /// /// Adds two jobs, and returns true if both are in the memory of one server.
    /// fn add_two(jobs: &JobsClient) -> Result<bool, CallError> {
    ///     jobs.add("a")?;
    ///     let first = jobs.call.incarnation();
    ///     jobs.add("b")?;
    ///     Ok(jobs.call.incarnation() == first)
    /// }
    /// ```
    pub fn incarnation(&self) -> Option<Incarnation> {
        self.caller.channel.incarnation()
    }

    /// Returns the present lack of a connection, with its last failure; `None` if there is a connection.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rpc_core::{Client, Handle};
    ///
    /// /// Returns true if the client has had no connection for a minute.
    /// fn is_cut_off<C: Client>(call: &Handle<C>) -> bool {
    ///     call.outage().is_some_and(|outage| outage.lasts > Duration::from_secs(60))
    /// }
    /// ```
    pub fn outage(&self) -> Option<Outage> {
        self.caller.channel.outage()
    }

    /// Returns the counters of this client and its copies.
    pub fn counters(&self) -> ClientCounters {
        self.caller.channel.counters()
    }

    /// Ends the session of this client and its copies. Calls under way end: one that was sent is unknown, any other was
    /// not executed.
    pub fn close(&self) {
        self.caller.channel.close();
    }

    /// Returns what makes this stub's calls. Generated code calls through it. A client of another service of the same
    /// server can share it: `Connector::share`.
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
