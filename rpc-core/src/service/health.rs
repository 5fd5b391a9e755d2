//! Layer 3: the service that tells a load balancer if a server wants calls, and its client. Written by hand, as `#[rpc]` would.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Deserialize, Serialize};

use super::{Dispatch, Dispatched, Refused, Service};
use crate::call::{CallError, Caller, Client, Handle, Never};
use crate::contract::{Contract, Method, TypesOf};
use crate::types::trace;

/// The methods of the service.
static METHODS: [Method; 1] = [Method::new("ServerHealth.check", "fn check() -> HealthState")
    .idempotent()
    .docs("Returns the state of the server, as its program sets it.")
    .types(|| trace::<(), HealthState, ()>(false))];

/// The formats of its types.
static TYPES: TypesOf = TypesOf::new("ServerHealth", &METHODS);

/// The contract of the service.
static CONTRACT: Contract = Contract::new("ServerHealth", &METHODS)
    .with_types(|| TYPES.get())
    .docs("Tells a load balancer if the server wants calls.");

/// The state of a server, as its program sets it.
///
/// ```
/// use rpc_core::HealthState;
///
/// /// Returns the share of new callers that a balancer sends to a server.
/// fn weight(state: HealthState) -> u32 {
///     match state {
///         HealthState::Serving => 100,
///         _ => 0,
///     }
/// }
/// assert_eq!(weight(HealthState::Draining), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HealthState {
    /// The program is not ready for calls yet.
    Starting,
    /// The program wants calls.
    Serving,
    /// The program is about to end: new callers should go elsewhere.
    Draining,
}

/// The state in a word, for logs and command lines: `starting`, `serving`, `draining`.
impl std::fmt::Display for HealthState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            HealthState::Starting => "starting",
            HealthState::Serving => "serving",
            HealthState::Draining => "draining",
        })
    }
}

/// A built-in service that tells a load balancer if the server wants calls. Clones are the same one.
///
/// It is a service as any other: add it to a server, under the name `ServerHealth`. It says `Starting` until the program sets
/// another state, so that a server is ready when its program says so. It does not stop other calls, in any state.
///
/// ```
/// use rpc_core::{Connector, Health, HealthClient, HealthState, Server};
///
/// let health = Health::new();
/// let server = Server::builder().service(health.clone()).bind("127.0.0.1:0")?.spawn()?;
/// let asks: HealthClient = Connector::new().connect(server.local_addr())?;
/// assert_eq!(asks.check()?, HealthState::Starting);
/// health.set(HealthState::Serving); // once the program has read its data
/// assert_eq!(asks.check()?, HealthState::Serving);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A server that drains takes no new call, this one included: then the question ends with an error. To tell a load balancer
/// before that, set `Draining`, serve on for as long as the balancer needs, and then drain.
#[derive(Clone, Debug)]
pub struct Health {
    /// The state, as a number: [`HealthState`]'s.
    state: Arc<AtomicU8>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Returns the service in the state `Starting`.
    pub fn new() -> Self {
        Health { state: Arc::new(AtomicU8::new(HealthState::Starting as u8)) }
    }

    /// Sets the state that the next question finds.
    pub fn set(&self, state: HealthState) {
        // Release: what the program has prepared before is there for a handler that reads `Serving`.
        self.state.store(state as u8, Ordering::Release);
    }

    /// Returns the state.
    pub fn state(&self) -> HealthState {
        match self.state.load(Ordering::Acquire) {
            0 => HealthState::Starting,
            1 => HealthState::Serving,
            _ => HealthState::Draining, // `set` stores no other number
        }
    }
}

impl Service for Health {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        match call.method() {
            0 => {
                let () = call.arguments()?;
                call.reply::<HealthState>(self.state())
            }
            _ => call.no_such_method(),
        }
    }
}

/// The client of [`Health`]. `Connector::connect` makes one.
///
/// ```
/// use rpc_core::{Connector, HealthClient, HealthState};
///
/// /// Asks a server if it wants calls; one that cannot be asked does not.
/// fn is_ready(address: &str) -> bool {
///     let health = Connector::new().connect::<HealthClient>(address);
///     health.is_ok_and(|health| matches!(health.check(), Ok(HealthState::Serving)))
/// }
/// # assert!(!is_ready("127.0.0.1:1"));
/// ```
#[derive(Clone, Debug)]
pub struct HealthClient {
    /// The options and the state of the client, as of every client.
    pub call: Handle<HealthClient>,
}

impl HealthClient {
    /// Asks for the state of the server, once: a busy server is an error, and is not asked again.
    ///
    /// # Errors
    /// [`CallError`] as of any call. Treat each error as a server that wants no calls.
    pub fn check(&self) -> Result<HealthState, CallError> {
        self.call.retry(false).call.caller().call::<HealthState, Never>(&METHODS[0], &())
    }
}

impl Client for HealthClient {
    const CONTRACT: &'static Contract = &CONTRACT;

    fn from_caller(caller: Caller) -> Self {
        HealthClient { call: Handle::new(caller) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_has_the_state_that_was_set() {
        let health = Health::new();
        assert_eq!(health.state(), HealthState::Starting);
        for state in [HealthState::Serving, HealthState::Draining, HealthState::Starting] {
            health.clone().set(state);
            assert_eq!(health.state(), state);
        }
    }
}
