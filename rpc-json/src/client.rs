//! The client: it asks the server for the formats of a method, and calls it in JSON.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rpc_core::reflection::{Formats, MethodDescription, ServerDescription, ServiceDescription};
use rpc_core::{Addresses, ByName, CallError, ConnectError, Connector, Incarnation, Never, Pending, Reason};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::names::advice;
use crate::{Decoded, Encoded, Mistake, encode_arguments};

/// The service that describes a server.
const REFLECTION: &str = "ServerReflection";
/// Most parts in which a service is described: as many as it may have methods.
const MOST_PARTS: usize = 1024;

/// A client without a trait, whose calls are in JSON. Clones share the session.
///
/// A call runs at most once, as every call does; it is not repeated by itself. The formats of a method are asked for when it is called
/// first, and again when the server was started again.
#[derive(Clone)]
pub struct JsonClient {
    /// Makes the calls.
    by_name: ByName,
    /// The deadline of all calls, if one was set.
    deadline: Option<Duration>,
    /// The services that were asked for so far, and the life of the server that has described them.
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    incarnation: Option<Incarnation>,
    services: HashMap<String, Arc<ServiceDescription>>,
    methods: HashMap<String, Arc<JsonMethod>>,
}

/// A method, with the formats of its types.
#[derive(Clone, Debug)]
pub struct JsonMethod {
    /// The description, as the server gives it.
    pub description: MethodDescription,
    /// The formats of its arguments, its value and its error.
    pub formats: Formats,
}

/// The reason for which a call has no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// It ran once, and this is the service's own error.
    #[error("the service's own error: {0}")]
    Service(Decoded),
    /// It ended with another verdict.
    #[error(transparent)]
    Call(#[from] CallFailed),
    /// It was not made: its arguments are not those of the method.
    #[error("{method}: {mistake}")]
    Arguments {
        /// `Service.method`.
        method: String,
        /// The place of the mistake, and what was expected there.
        mistake: Mistake,
    },
    /// It ran once, and its reply is not of the types that the server has told.
    #[error("{method} ran, and its reply cannot be read: {mistake}")]
    Reply {
        /// `Service.method`.
        method: String,
        /// The place of the mistake.
        mistake: Mistake,
    },
    /// It was not made: the server does not tell the formats of the method's types.
    #[error("{method} cannot be called in JSON: the server does not know the formats of its types: {why}")]
    Untraced {
        /// `Service.method`.
        method: String,
        /// The reason.
        why: String,
    },
    /// It was not made: there is no such service or method.
    #[error("{0}")]
    NoSuchName(String),
    /// The server does not describe itself.
    #[error(
        "the server at {0} does not describe itself: its reflection is switched off, or it is older than that"
    )]
    NoReflection(Arc<str>),
    /// The server cannot be asked for its description.
    #[error("the server cannot be asked for its description: {0}")]
    Description(CallError<Never>),
}

/// The verdict of a call without a value. Its text is that of the verdict.
#[derive(Debug)]
pub struct CallFailed {
    /// The verdict.
    pub error: CallError<Encoded>,
    /// The method.
    method: Arc<JsonMethod>,
}

impl fmt::Display for CallFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for CallFailed {}

impl CallFailed {
    /// Waits for at most `limit` until it is known what became of a call that may have run, and returns what the call itself would
    /// have returned: see [`Unknown::resolve`](rpc_core::Unknown::resolve). Any other verdict is returned as it is.
    ///
    /// # Errors
    /// As the call.
    pub fn resolve(self, limit: Duration) -> Result<Decoded, JsonError> {
        match self.error {
            CallError::Unknown(unknown) => self.method.read(unknown.resolve::<Encoded>(limit)),
            _ => Err(JsonError::Call(self)),
        }
    }
}

impl JsonMethod {
    /// Turns the bytes of a reply into JSON.
    fn read(self: Arc<Self>, reply: Result<Encoded, CallError<Encoded>>) -> Result<Decoded, JsonError> {
        let unreadable = |mistake| JsonError::Reply { method: self.description.name.clone(), mistake };
        match (reply, &self.formats.error) {
            (Ok(Encoded(bytes)), _) => {
                Decoded::from_bytes(&self.formats, &self.formats.value, &bytes).map_err(unreadable)
            }
            (Err(CallError::Service(Encoded(bytes))), Some(format)) => {
                let error = Decoded::from_bytes(&self.formats, format, &bytes).map_err(unreadable)?;
                Err(JsonError::Service(error))
            }
            (Err(CallError::Service(_)), None) => Err(unreadable(Mistake {
                path: String::new(),
                what: "an error, which the method has not".to_owned(),
            })),
            (Err(error), _) => Err(JsonError::Call(CallFailed { error, method: self })),
        }
    }
}

/// A started call: see [`Pending`]. Dropping it cancels the call.
#[must_use = "a started call that is dropped is cancelled: wait for it"]
pub struct JsonPending {
    pending: Pending<Encoded, Encoded>,
    method: Arc<JsonMethod>,
}

impl fmt::Debug for JsonPending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pending.fmt(f)
    }
}

impl JsonPending {
    /// Returns the call as one whose reply stays encoded: for a [`Race`](rpc_core::Race), or where the value is not looked at.
    pub fn into_pending(self) -> Pending<Encoded, Encoded> {
        self.pending
    }

    /// Waits for the reply; the call's deadline bounds the wait.
    ///
    /// # Errors
    /// [`JsonError`] tells if the call ran.
    pub fn wait(self) -> Result<Decoded, JsonError> {
        self.method.read(self.pending.wait())
    }

    /// Waits for the reply for at most `limit`. Returns `None` if it has not arrived; the call goes on.
    ///
    /// # Panics
    /// Panics if the reply was already taken.
    pub fn wait_for(&mut self, limit: Duration) -> Option<Result<Decoded, JsonError>> {
        self.pending.wait_for(limit).map(|reply| Arc::clone(&self.method).read(reply))
    }
}

impl JsonClient {
    /// Connects, to call the methods of these services. A service that is not there is an error when it is called.
    ///
    /// # Errors
    /// See [`Connector::connect_by_name`].
    pub fn connect(
        connector: Connector,
        addr: impl Into<Addresses>,
        services: &[&str],
    ) -> Result<JsonClient, ConnectError> {
        let others = services.iter().copied().filter(|service| *service != REFLECTION);
        let names: Vec<&str> = [REFLECTION].into_iter().chain(others).collect();
        Ok(JsonClient::new(connector.connect_by_name(addr, &names)?))
    }

    /// Returns a client over one that was connected for the service `ServerReflection` and those to be called.
    pub fn new(by_name: ByName) -> JsonClient {
        JsonClient { by_name, deadline: None, known: Arc::default() }
    }

    /// Returns a client whose calls have this deadline, whatever deadlines their methods have.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> JsonClient {
        JsonClient {
            by_name: self.by_name.with_deadline(deadline),
            deadline: Some(deadline),
            known: Arc::clone(&self.known),
        }
    }

    /// Calls `Service.method` and waits for its reply.
    ///
    /// # Errors
    /// [`JsonError`] tells if the call ran.
    pub fn call(&self, method: &str, arguments: &Value) -> Result<Value, JsonError> {
        self.start(method, arguments)?.wait().map(Value::from)
    }

    /// Starts a call of `Service.method` and returns without waiting for its reply.
    ///
    /// # Errors
    /// Returns an error if the call was not made: the method, its types or its arguments are wrong.
    pub fn start(&self, method: &str, arguments: &Value) -> Result<JsonPending, JsonError> {
        let method = self.method(method)?;
        let bytes = encode_arguments(&method.formats, &method.description.arguments(), arguments);
        let bytes = bytes
            .map_err(|mistake| JsonError::Arguments { method: method.description.name.clone(), mistake })?;
        Ok(self.start_encoded(method, &Encoded(bytes)))
    }

    /// Starts a call whose arguments are encoded already.
    pub fn start_encoded(&self, method: Arc<JsonMethod>, arguments: &Encoded) -> JsonPending {
        let own = method.description.deadline_millis.filter(|_| self.deadline.is_none());
        let name = &method.description.name;
        let pending = match own {
            Some(millis) => {
                self.by_name.with_deadline(Duration::from_millis(millis.max(1))).start(name, arguments)
            }
            None => self.by_name.start(name, arguments),
        };
        JsonPending { pending, method }
    }

    /// Returns a method, with its formats.
    ///
    /// # Errors
    /// Returns an error if there is no such method, or if its formats are not known.
    pub fn method(&self, name: &str) -> Result<Arc<JsonMethod>, JsonError> {
        if let Some(method) = self.known().methods.get(name) {
            return Ok(Arc::clone(method));
        }
        let Some((service, _)) = name.split_once('.') else {
            return Err(JsonError::NoSuchName(format!(
                "`{name}` names no method: write it as Service.method"
            )));
        };
        let description = self.service(service)?;
        let Some(found) = description.methods.iter().find(|method| method.name == name) else {
            let names: Vec<&str> = description.methods.iter().map(|method| method.name.as_str()).collect();
            let text = format!("`{service}` has no method `{name}`{}", advice(name, &names));
            return Err(JsonError::NoSuchName(text));
        };
        let untraced = |why| JsonError::Untraced { method: name.to_owned(), why };
        let method =
            Arc::new(JsonMethod { formats: found.formats().map_err(untraced)?, description: found.clone() });
        self.known().methods.insert(name.to_owned(), Arc::clone(&method));
        Ok(method)
    }

    /// Returns the description of a service.
    ///
    /// # Errors
    /// Returns an error if there is no such service, or if the server cannot be asked.
    pub fn service(&self, name: &str) -> Result<Arc<ServiceDescription>, JsonError> {
        if let Some(service) = self.known().services.get(name) {
            return Ok(Arc::clone(service));
        }
        let Some(mut whole) = self.part(name, 0)? else {
            let served = self.server()?.services;
            let names: Vec<&str> = served.iter().map(|service| service.name.as_str()).collect();
            let text =
                format!("the server at {} has no service `{name}`{}", self.peer(), advice(name, &names));
            return Err(JsonError::NoSuchName(text));
        };
        for _ in 0..MOST_PARTS {
            let Some(next) = whole.next.filter(|next| *next as usize == whole.methods.len()) else { break };
            let Some(part) = self.part(name, next)? else { break };
            whole.next = part.next;
            whole.methods.extend(part.methods);
        }
        let whole = Arc::new(whole);
        self.known().services.insert(name.to_owned(), Arc::clone(&whole));
        Ok(whole)
    }

    fn part(&self, name: &str, from: u32) -> Result<Option<ServiceDescription>, JsonError> {
        self.ask("service", &(name, from))
    }

    /// Returns the description of the server: its version, services, limits and health.
    ///
    /// # Errors
    /// Returns an error if the server cannot be asked.
    pub fn server(&self) -> Result<ServerDescription, JsonError> {
        self.ask("server", &())
    }

    /// Returns the counters of the server, by their names.
    ///
    /// # Errors
    /// Returns an error if the server cannot be asked.
    pub fn counters(&self) -> Result<Vec<(String, u64)>, JsonError> {
        self.ask("counters", &())
    }

    /// Returns the server's address.
    pub fn peer(&self) -> Arc<str> {
        self.by_name.peer()
    }

    /// Ends the session of this client and its copies.
    pub fn close(&self) {
        self.by_name.close();
    }

    fn ask<T: DeserializeOwned + 'static>(
        &self,
        what: &str,
        arguments: &impl Serialize,
    ) -> Result<T, JsonError> {
        self.by_name.call::<T, Never>(&format!("{REFLECTION}.{what}"), arguments).map_err(|error| match error
        {
            CallError::NotExecuted(refused) if refused.reason == Reason::NoSuchMethod => {
                JsonError::NoReflection(self.peer())
            }
            error => JsonError::Description(error),
        })
    }

    /// Locks what is known, and forgets what an earlier life of the server has said. The maps only grow, one whole entry at a time, so a
    /// poisoned lock is safe to use.
    fn known(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.by_name.incarnation();
        if now.is_some() && now != known.incarnation {
            *known = Known { incarnation: now, ..Known::default() };
        }
        known
    }
}

impl fmt::Debug for JsonClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonClient({})", self.peer())
    }
}
