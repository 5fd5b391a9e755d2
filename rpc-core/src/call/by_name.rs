//! Floor 3: calls by name, the lecture's `Call("KV.Get", args, &reply)`: for code that has no trait and learns at run time
//! what a server can do.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{CallError, Place};
use super::handle::Caller;
use super::names;
use super::pending::Pending;
use super::reply::Reply;
use crate::contract::Method;
use crate::error::Reason;
use crate::limits::MAX_NAMES;
use crate::proto::Outcome;
use crate::wire::codec;
use crate::wire::message::Table;

/// Most methods that an error lists.
const MOST_LISTED: usize = 32;

/// Stands in messages for a method that the server does not have: its name is the user's, and is not kept.
static NOBODYS: Method = Method::new("a call by name", "");

/// A client without a trait: it asks the server for its methods, and calls them by name.
///
/// Arguments are a tuple, also of one (`&("colour",)`); what comes back is the type that the caller asks for: nothing
/// but the server's signature says whether it is the right one, and bincode does not describe itself. A wrong type is
/// mostly an error, and may be a wrong value. Who has the trait should use its client.
///
/// ```no_run
/// use rpc_core::Connector;
/// use rpc_core::call::Never;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Connector::new().connect_by_name("127.0.0.1:4000", &["Adder"])?;
/// let sum: i64 = client.call::<_, Never>("Adder.add", &(2_i64, 3_i64))?;
/// # Ok(())
/// # }
/// ```
///
/// A call by name runs at most once, as every call does. It is never repeated by itself: a table of methods does not
/// say which ones are idempotent.
#[derive(Clone)]
pub struct ByName {
    caller: Caller,
    known: Arc<Mutex<HashMap<String, &'static Method>>>,
}

impl ByName {
    /// Calls by name through `caller`, whose contracts are those of [`names::service`].
    pub(crate) fn new(caller: Caller) -> Self {
        ByName { caller, known: Arc::default() }
    }

    /// Calls `Service.method` and waits. A method without an error of its own is called with `E` = [`Never`](super::Never).
    ///
    /// # Errors
    /// As with every call; a name that the server does not have was not executed, and the error lists what there is.
    pub fn call<T, E>(&self, method: &str, arguments: &impl Serialize) -> Result<T, CallError<E>>
    where
        T: DeserializeOwned + 'static,
        E: DeserializeOwned + 'static,
    {
        self.start(method, arguments).wait()
    }

    /// Starts a call of `Service.method`; what it returns stands for the reply to come.
    pub fn start<T, E>(&self, method: &str, arguments: &impl Serialize) -> Pending<Read<T, E>>
    where
        T: DeserializeOwned + 'static,
        E: DeserializeOwned + 'static,
    {
        match self.find(method) {
            Ok(method) => self.caller.start(method, arguments),
            Err(outcome) => self.caller.refused(&NOBODYS, outcome),
        }
    }

    /// The methods of a service as the server has them now: `Service.method` and signature. None: it has no such
    /// service, or it was not announced when this client connected.
    pub fn methods(&self, service: &str) -> Vec<(String, String)> {
        let table = self.caller.table(service);
        let methods = table.iter().flat_map(|table| &table.methods);
        methods.map(|(_, name, signature)| (name.clone(), signature.clone())).collect()
    }

    /// A client whose calls have this deadline.
    pub fn within(&self, deadline: Duration) -> ByName {
        ByName { caller: self.caller.within(deadline), known: Arc::clone(&self.known) }
    }

    /// Where the server is.
    pub fn peer(&self) -> Arc<str> {
        self.caller.peer()
    }

    /// Ends the session for this client and its copies.
    pub fn close(&self) {
        self.caller.close();
    }

    /// The method of this name, as the server has it in this session: one that was built anew may have changed it.
    fn find(&self, name: &str) -> Result<&'static Method, Outcome> {
        let service = name.split('.').next().unwrap_or_default();
        let Some(table) = self.caller.table(service) else {
            // No session now: what was known may still hold, and the protocol checks it when there is one.
            return self.known().get(name).copied().ok_or_else(|| {
                let text = format!("`{service}` was not announced by this client, or no session stands now");
                Outcome::NotExecuted(Reason::NoSuchMethod, text)
            });
        };
        let Some((id, _, signature)) = table.methods.iter().find(|(_, known, _)| known == name) else {
            return Err(Outcome::NotExecuted(Reason::NoSuchMethod, what_there_is(name, &table)));
        };
        if let Some(method) = self.known().get(name).filter(|method| method.id == *id) {
            return Ok(method);
        }
        let method = names::method(*id, name, signature).ok_or_else(|| {
            let text = format!("this process has used {MAX_NAMES} remote names, which is the limit");
            Outcome::NotExecuted(Reason::TooLarge, text)
        })?;
        self.known().insert(name.to_owned(), method);
        Ok(method)
    }

    /// It is whole at every step, whoever panicked.
    fn known(&self) -> MutexGuard<'_, HashMap<String, &'static Method>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ByName({})", self.peer())
    }
}

/// Says that a method is not there, and what is.
fn what_there_is(name: &str, table: &Table) -> String {
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

/// The reply of a call by name: the caller says which types it has.
#[derive(Debug)]
pub struct Read<T, E>(PhantomData<fn() -> (T, E)>);

impl<T, E> Reply for Read<T, E>
where
    T: DeserializeOwned + 'static,
    E: DeserializeOwned + 'static,
{
    type Output = Result<T, CallError<E>>;
    fn output(outcome: Outcome, place: impl FnOnce() -> Place) -> Self::Output {
        match outcome {
            Outcome::Done(bytes) => {
                codec::decode(&bytes).map_err(|error| CallError::undecodable(place(), &error))
            }
            other => Err(CallError::from_outcome(other, place(), |bytes| Some(codec::decode(bytes)))),
        }
    }
}
