//! Layer 3: the client of the service that describes a server.

use super::{CONTRACT, COUNTERS, METHODS, SERVER, SERVICE, ServerDescription, ServiceDescription};
use crate::call::{CallError, Caller, Client, Handle, Never};
use crate::contract::Contract;
use crate::limits::MAX_METHODS;

/// The client of the service that describes a server. `Connector::connect` makes one.
///
/// ```
/// use rpc_core::reflection::ReflectionClient;
/// use rpc_core::{Connector, Health, Server};
///
/// let server = Server::builder().service(Health::new()).bind("127.0.0.1:0")?.spawn()?;
/// let asks: ReflectionClient = Connector::new().connect(server.local_addr())?;
/// for service in asks.server()?.services {
///     let whole = asks.whole_service(&service.name)?.expect("it is in the list");
///     for method in whole.methods {
///         println!("{} {}", method.name, method.signature);
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ReflectionClient {
    /// The options and the state of the client, as of every client.
    pub call: Handle<ReflectionClient>,
}

impl ReflectionClient {
    /// Asks for the version of the server, its services, limits and health.
    ///
    /// # Errors
    /// [`CallError`] as of any call.
    pub fn server(&self) -> Result<ServerDescription, CallError> {
        self.call.caller().call::<ServerDescription, Never>(&METHODS[SERVER], &())
    }

    /// Asks for the methods of a service from this one on, as many as one reply has. Returns `None` if there is no such service.
    ///
    /// # Errors
    /// [`CallError`] as of any call.
    pub fn service(&self, name: &str, from: u32) -> Result<Option<ServiceDescription>, CallError> {
        self.call.caller().call::<Option<ServiceDescription>, Never>(&METHODS[SERVICE], &(name, from))
    }

    /// Asks for all methods of a service, with as many calls as that takes. Returns `None` if there is no such service. A server that
    /// describes more methods than a service may have, or goes round in circles, is asked no further: then `next` is set.
    ///
    /// # Errors
    /// [`CallError`] as of any call.
    pub fn whole_service(&self, name: &str) -> Result<Option<ServiceDescription>, CallError> {
        let Some(mut whole) = self.service(name, 0)? else { return Ok(None) };
        while let Some(next) = whole.next {
            let known = whole.methods.len();
            if next as usize != known || known >= MAX_METHODS {
                break;
            }
            let Some(page) = self.service(name, next)? else { break };
            whole.next = page.next;
            whole.methods.extend(page.methods);
        }
        Ok(Some(whole))
    }

    /// Asks for the counters of the server, by their names.
    ///
    /// # Errors
    /// [`CallError`] as of any call.
    pub fn counters(&self) -> Result<Vec<(String, u64)>, CallError> {
        self.call.caller().call::<Vec<(String, u64)>, Never>(&METHODS[COUNTERS], &())
    }
}

impl Client for ReflectionClient {
    const CONTRACT: &'static Contract = &CONTRACT;

    fn from_caller(caller: Caller) -> Self {
        ReflectionClient { call: Handle::new(caller) }
    }
}
