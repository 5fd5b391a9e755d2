//! Layer 3: a bound on the calls of a service, and of its methods, that run at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{CallContext, Refused, ServerHook, Service};
use crate::contract::{Contract, ContractError};
use crate::ids::MethodId;

/// A bound on the calls of one service that run at once, for [`Around`](super::Around). A call beyond it is refused as busy before
/// it runs, and its client tries it again after a pause. A call whose reply comes later counts until it has ended.
///
/// It is for a resource of the service that has room for so many: connections of a pool, a disk. The server as a whole is bounded
/// by [`ServerLimits`](crate::ServerLimits).
///
/// ```
/// use rpc_core::{Around, CallLimit, Server, rpc};
///
/// #[rpc]
/// pub trait Pages {
///     fn get(&self, name: &str) -> Option<String>;
///     #[rpc(slow)]
///     fn search(&self, word: &str) -> Vec<String>;
/// }
///
/// # struct Empty;
/// # impl Pages for Empty {
/// #     fn get(&self, _: &str) -> Option<String> {
/// #         None
/// #     }
/// #     fn search(&self, _: &str) -> Vec<String> {
/// #         Vec::new()
/// #     }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let empty = Empty;
/// let pages = PagesServer::new(empty);
/// let limit = CallLimit::of(&pages, 100).method("search", 4)?;
/// let server = Server::builder().service(Around::new(pages, limit)).bind("127.0.0.1:0")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CallLimit {
    /// The contract of the service.
    contract: &'static Contract,
    /// The places of all its calls.
    all: Arc<Places>,
    /// The places of the methods that have a bound of their own.
    methods: Vec<(MethodId, Arc<Places>)>,
}

/// The places for calls that run at once.
#[derive(Debug)]
struct Places {
    /// The number of places.
    most: usize,
    /// The number of those that are taken.
    taken: AtomicUsize,
}

/// The place of one call: it is free again when this is dropped.
#[derive(Debug)]
pub struct Place(Arc<Places>);

impl CallLimit {
    /// Returns a bound on all calls of a service together. One more than the machine has room for is no bound: `usize::MAX` is for a
    /// limit that only some methods have.
    pub fn of(service: &impl Service, most: usize) -> Self {
        CallLimit { contract: service.contract(), all: Places::new(most), methods: Vec::new() }
    }

    /// Bounds the calls of one method as well. `name` is the method's name in its trait.
    ///
    /// # Errors
    /// Returns an error if the service has no such method.
    pub fn method(mut self, name: &str, most: usize) -> Result<Self, ContractError> {
        let service = self.contract.service;
        let is_named =
            |full: &str| full.strip_prefix(service).and_then(|rest| rest.strip_prefix('.')) == Some(name);
        let method = self.contract.methods.iter().find(|method| is_named(method.name));
        let method = method.ok_or_else(|| ContractError::NoSuchMethod(service, name.to_owned()))?;
        self.methods.push((method.id, Places::new(most)));
        Ok(self)
    }
}

impl ServerHook for CallLimit {
    type State = (Place, Option<Place>);

    fn before(&self, cx: &CallContext) -> Result<Self::State, Refused> {
        let method = cx.method();
        let of_method = self.methods.iter().find(|(id, _)| *id == method.id);
        let of_method = of_method.map(|(_, places)| places.take(method.name)).transpose()?;
        Ok((self.all.take(self.contract.service)?, of_method))
    }
}

impl Places {
    fn new(most: usize) -> Arc<Self> {
        Arc::new(Places { most, taken: AtomicUsize::new(0) })
    }

    /// Takes a place.
    fn take(self: &Arc<Self>, name: &str) -> Result<Place, Refused> {
        let more = |taken| (taken < self.most).then_some(taken + 1);
        // Relaxed: the number is all that is shared.
        match self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Place(Arc::clone(self))),
            Err(_) => {
                Err(Refused::busy(format!("{name} may run {} at a time, and they run already", self.most)))
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}
