//! Layer 3: calls by name, as Go's `Call("KV.Get", args, &reply)`: for code without a trait, which learns at run time what
//! a server can do.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::around::ClientHook;
use super::error::CallError;
use super::handle::Caller;
use super::names;
use super::pending::Pending;
use crate::contract::Method;
use crate::each_process::{self, EachProcess};
use crate::error::Reason;
use crate::ids::Incarnation;
use crate::limits::MAX_NAMES;
use crate::proto::Outcome;
use crate::wire::message::Table;

/// The most methods that an error lists: enough for any usual service, and the message stays readable.
const MOST_LISTED: usize = 32;

/// The method that messages name if the server does not have it. The user's own name would have to be leaked.
static UNNAMED: Method = Method::new("a call by name", "");

/// A client without a trait: it asks the server for its methods, and calls them by name.
///
/// Arguments are a tuple, also if there is one (`&("colour",)`). The reply is read as the type that the caller asks for.
/// The encoding contains no types, so only the server's signature says which type is right: a wrong type is usually an
/// error, and may be a wrong value. If you have the trait, use its generated client.
///
/// ```no_run
/// use rpc_core::{ByName, Connector, Never};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client: ByName = Connector::new().connect_by_name("127.0.0.1:4000", &["Adder"])?;
/// let sum: i64 = client.call::<_, Never>("Adder.add", &(2_i64, 3_i64))?;
/// # Ok(())
/// # }
/// ```
///
/// A call by name runs at most once, as every call does. The client never repeats it: a table of methods does not say
/// which ones are idempotent.
#[derive(Clone)]
pub struct ByName {
    /// Makes the calls.
    caller: Caller,
    /// The methods that were called so far in each process, by name; shared with all copies.
    known: Arc<EachProcess<Mutex<HashMap<String, &'static Method>>>>,
}

impl ByName {
    /// Returns a client that calls through `caller`, whose contracts are those of [`names::service`].
    #[doc(hidden)] // for channels of other packages: the simulator's
    pub fn new(caller: Caller) -> Self {
        ByName { caller, known: Arc::new(EachProcess::new(each_process::present)) }
    }

    /// Calls `Service.method` and waits for its reply. A method without an error type of its own is called with `E` =
    /// [`Never`](super::Never).
    ///
    /// # Errors
    /// [`CallError`] tells if the call ran. If the server has no such method, the call was not executed, and the error
    /// lists the methods that it has.
    pub fn call<T, E>(&self, method: &str, arguments: &impl Serialize) -> Result<T, CallError<E>>
    where
        T: DeserializeOwned + 'static,
        E: DeserializeOwned + 'static,
    {
        self.start(method, arguments).wait()
    }

    /// Starts a call of `Service.method` and returns without waiting for its reply.
    pub fn start<T, E>(&self, method: &str, arguments: &impl Serialize) -> Pending<T, E>
    where
        T: DeserializeOwned + 'static,
        E: DeserializeOwned + 'static,
    {
        match self.find(method) {
            Ok(method) => self.caller.start::<T, E>(method, arguments),
            Err(outcome) => self.caller.refused::<T, E>(&UNNAMED, outcome),
        }
    }

    /// Returns the methods of a service as the server has them now: `Service.method` and signature. Returns none if the
    /// server has no such service, or if this client did not announce it when it connected.
    ///
    /// ```
    /// use rpc_core::ByName;
    ///
    /// /// Prints all that a server offers of a service.
    /// fn list(client: &ByName, service: &str) {
    ///     for (name, signature) in client.methods(service) {
    ///         println!("{name}: {signature}");
    ///     }
    /// }
    /// ```
    pub fn methods(&self, service: &str) -> Vec<(String, String)> {
        let table = self.caller.table(service);
        let methods = table.iter().flat_map(|table| &table.methods);
        methods.map(|(_, name, signature)| (name.clone(), signature.clone())).collect()
    }

    /// Returns a client whose calls have this deadline.
    pub fn with_deadline(&self, deadline: Duration) -> ByName {
        ByName { caller: self.caller.with_deadline(deadline), known: Arc::clone(&self.known) }
    }

    /// Returns a client with a [`ClientHook`] around each of its calls: see [`Handle::around`](super::Handle::around). A call of a
    /// method that the server does not have is one of `a call by name`.
    pub fn around(&self, hook: impl ClientHook) -> ByName {
        ByName { caller: self.caller.around(hook), known: Arc::clone(&self.known) }
    }

    /// Returns the life of the server that the session is with: a server that was started again may have other methods. Returns `None`
    /// while there is no session.
    pub fn incarnation(&self) -> Option<Incarnation> {
        self.caller.channel.incarnation()
    }

    /// Returns the server's address.
    pub fn peer(&self) -> Arc<str> {
        self.caller.peer()
    }

    /// Ends the session of this client and its copies.
    pub fn close(&self) {
        self.caller.close();
    }

    /// Finds the method of this name as the server has it in this session: a server that was rebuilt may have changed it.
    fn find(&self, name: &str) -> Result<&'static Method, Outcome> {
        let service = name.split('.').next().unwrap_or_default();
        let Some(table) = self.caller.table(service) else {
            // No session now: a known method may still be right, and the protocol checks that once there is a session.
            return self
                .known()
                .and_then(|known| known.get(name).copied())
                .ok_or_else(|| self.no_table(service));
        };
        let Some((id, _, signature)) = table.methods.iter().find(|(_, known, _)| known == name) else {
            return Err(Outcome::NotExecuted(Reason::NoSuchMethod, no_such_method(name, &table)));
        };
        let known = self.known().and_then(|known| known.get(name).copied());
        if let Some(method) = known.filter(|method| method.id == *id) {
            return Ok(method);
        }
        let method = names::method(*id, name, signature).ok_or_else(|| {
            let text = format!("this process has used {MAX_NAMES} remote names, which is the limit");
            Outcome::NotExecuted(Reason::TooLarge, text)
        })?;
        if let Some(mut known) = self.known() {
            known.insert(name.to_owned(), method);
        }
        Ok(method)
    }

    /// Returns the outcome of a call of a service whose methods are not known.
    fn no_table(&self, service: &str) -> Outcome {
        if let Some(outage) = self.caller.channel.outage() {
            return Outcome::NotExecuted(Reason::Unreachable, outage.failure);
        }
        let text = format!(
            "`{service}` is not among the services that this client was connected for; names are written `Service.method`"
        );
        Outcome::NotExecuted(Reason::NoSuchMethod, text)
    }

    /// Locks the known methods. A panic cannot leave the map inconsistent, so a poisoned lock is safe to use.
    fn known(&self) -> Option<MutexGuard<'_, HashMap<String, &'static Method>>> {
        let known = self.known.get_or_make(Mutex::default)?;
        Some(known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ByName({})", self.peer())
    }
}

/// Returns the message that a method does not exist, with the methods that do.
fn no_such_method(name: &str, table: &Table) -> String {
    if table.methods.is_empty() {
        return format!("the server has no service `{}`", table.service);
    }
    let mut text = format!("there is no `{name}`; `{}` has", table.service);
    for (index, (_, known, signature)) in table.methods.iter().take(MOST_LISTED).enumerate() {
        let joint = if index == 0 { " " } else { ", " };
        let rest = signature.strip_prefix("fn ").and_then(|rest| rest.split_once('('));
        let arguments = rest.map_or("..)", |(_, arguments)| arguments);
        text.push_str(&format!("{joint}`{known}({arguments}`"));
    }
    let more = table.methods.len().saturating_sub(MOST_LISTED);
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
