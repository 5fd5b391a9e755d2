//! Layer 0: contracts: the methods of a trait, their signatures and policies, and a hash that shows any difference.

mod error;
mod spelling;
mod traced;

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::ids::{FNV_START, MethodId, fnv1a};
use crate::limits::{MAX_METHODS, MAX_SERVICES};
use crate::types::{ServiceTypes, Traced};

pub use error::ContractError;
pub use traced::TypesOf;

/// One method of a trait.
///
/// ```
/// use rpc_core::Method;
///
/// static GET: Method = Method::new("Kv.get", "fn get(key: &str) -> Option<String>").idempotent();
/// assert!(GET.idempotent);
///
/// let renamed = Method::new("Kv.get", "fn get(name: &str) -> Option<String>");
/// assert_eq!(renamed.id, GET.id, "the name of an argument does not count");
/// let other = Method::new("Kv.get", "fn get(key: &str) -> String");
/// assert_ne!(other.id, GET.id, "its type does");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// `Service.method`.
    pub name: &'static str,
    /// The signature as written, normalised: `fn get(key: &str) -> Result<String, KvError>`. With `#[rpc(version = 2)]` it
    /// ends in `; version 2`.
    pub signature: &'static str,
    /// Its name on the wire; see [`MethodId`].
    pub id: MethodId,
    /// Its documentation, for people. It is no part of the id.
    pub docs: &'static str,
    /// `#[rpc(idempotent)]`: running it twice is harmless, so the client may repeat it and no reply is kept.
    pub idempotent: bool,
    /// `#[rpc(slow)]`: it runs long or blocks, so it never runs on the thread that drives the loop.
    pub slow: bool,
    /// True if it takes a `&CallContext`.
    pub context: bool,
    /// True if its implementation returns a [`Later`](crate::Later): its calls may outlast their handlers.
    pub later: bool,
    /// `#[rpc(deadline = "..")]`: its own default deadline.
    pub deadline: Option<Duration>,
    /// `#[rpc(max_cached_reply = ..)]`: longest reply kept for a client that asks again; else the server's limit.
    pub max_cached_reply: Option<usize>,
    /// The traits of the service's own error; `None` if the method has none, or if they are not known.
    pub error_traits: Option<ErrorTraits>,
    /// Finds the formats of its types; `None` if its stub does not name them.
    pub types: Option<fn() -> Traced>,
}

/// The traits that the type of a service's own error implements. Generic code cannot ask for them; generated code, which names the
/// type, can: see `stub::error_traits!`.
///
/// Each function takes an error of that type, and returns `None` for any other, or if it does not implement the trait.
#[derive(Clone, Copy, Debug)]
pub struct ErrorTraits {
    /// Returns the error, to be shown.
    pub display: for<'a> fn(&'a dyn Any) -> Option<&'a dyn fmt::Display>,
    /// Returns the error, as the source of another one.
    pub error: for<'a> fn(&'a dyn Any) -> Option<&'a (dyn Error + 'static)>,
}

impl Method {
    /// A method with the default policies. The names of its arguments are no part of its id.
    pub const fn new(name: &'static str, signature: &'static str) -> Self {
        let hash = fnv1a(fnv1a(FNV_START, name.as_bytes()), b"\n");
        let hash = spelling::hash_without_names(hash, signature);
        Method {
            name,
            signature,
            id: MethodId(hash),
            docs: "",
            idempotent: false,
            slow: false,
            context: false,
            later: false,
            deadline: None,
            max_cached_reply: None,
            error_traits: None,
            types: None,
        }
    }

    /// Sets the documentation of the method.
    pub const fn docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }

    /// Marks the method as harmless to run twice.
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Marks the method as running long or blocking.
    pub const fn slow(mut self) -> Self {
        self.slow = true;
        self
    }

    /// Notes that the implementation takes a `&CallContext`.
    pub const fn with_context(mut self) -> Self {
        self.context = true;
        self
    }

    /// Notes that the implementation returns a [`Later`](crate::Later): its holder is told when its caller waits no longer.
    pub const fn later(mut self) -> Self {
        self.later = true;
        self.context = true; // the flag that tells a handler tells the holder too
        self
    }

    /// Sets the method's own default deadline, in milliseconds.
    pub const fn deadline_ms(mut self, milliseconds: u64) -> Self {
        self.deadline = Some(Duration::from_millis(milliseconds));
        self
    }

    /// Sets the traits of the service's own error.
    pub const fn fails_with(mut self, error: ErrorTraits) -> Self {
        self.error_traits = Some(error);
        self
    }

    /// Sets the function that finds the formats of its types: `stub::types!((&str,), String)`.
    pub const fn types(mut self, trace: fn() -> Traced) -> Self {
        self.types = Some(trace);
        self
    }

    /// Sets the method's own limit for kept replies, in bytes.
    pub const fn max_cached_reply(mut self, bytes: usize) -> Self {
        self.max_cached_reply = Some(bytes);
        self
    }
}

/// The contract of a trait. Two builds with the same hash have the same signatures, but for the names of arguments.
///
/// ```
/// use rpc_core::{Contract, Method};
///
/// static GET: Method = Method::new("Kv.get", "fn get(key: &str) -> Option<String>");
/// static PUT: Method = Method::new("Kv.put", "fn put(key: &str, value: &str)");
/// static OLD: [Method; 1] = [GET];
/// static NEW: [Method; 2] = [GET, PUT];
/// static SORTED: [Method; 2] = [PUT, GET];
///
/// assert_ne!(Contract::new("Kv", &OLD).hash, Contract::new("Kv", &NEW).hash);
/// assert_eq!(Contract::new("Kv", &SORTED).hash, Contract::new("Kv", &NEW).hash, "their order does not count");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Contract {
    /// The trait's name.
    pub service: &'static str,
    /// Its methods, in the order of the trait.
    pub methods: &'static [Method],
    /// The documentation of the trait, for people. It is no part of the hash.
    pub docs: &'static str,
    /// FNV-1a over the service's name and its methods' ids in ascending order: order in the trait does not matter.
    pub hash: u64,
    /// Returns the formats of the types of its methods; `None` if they are not known.
    types: Option<fn() -> &'static ServiceTypes>,
}

impl Contract {
    /// The contract of a service with these methods.
    pub const fn new(service: &'static str, methods: &'static [Method]) -> Self {
        Contract { service, methods, docs: "", hash: contract_hash(service, methods), types: None }
    }
}

/// The service that a server has of itself, beside as many of its program's as a HELLO can name.
pub const REFLECTION: &str = "ServerReflection";

/// The hash of a contract that is not known: every server's differs from it, and so sends its table.
const UNKNOWN: u64 = 0;

impl Contract {
    /// The contract that a client without a trait announces: the name alone.
    pub const fn unknown(service: &'static str) -> Self {
        Contract { service, methods: &[], docs: "", hash: UNKNOWN, types: None }
    }

    /// Returns true if only the name is known.
    pub const fn is_unknown(&self) -> bool {
        self.hash == UNKNOWN && self.methods.is_empty()
    }
}

/// Hashes the ids in ascending order without sorting (a `const fn` cannot): picks the next larger one each time.
const fn contract_hash(service: &str, methods: &[Method]) -> u64 {
    let mut hash = fnv1a(FNV_START, service.as_bytes());
    let mut done = 0;
    let mut above: Option<u64> = None;
    while done < methods.len() {
        let mut next: Option<u64> = None;
        let mut i = 0;
        while i < methods.len() {
            let id = methods[i].id.0;
            let later = match above {
                None => true,
                Some(floor) => id > floor,
            };
            let smaller = match next {
                None => true,
                Some(best) => id < best,
            };
            if later && smaller {
                next = Some(id);
            }
            i += 1;
        }
        match next {
            None => break, // two methods with one id: Directory::new refuses them
            Some(id) => {
                hash = fnv1a(hash, &id.to_le_bytes());
                above = Some(id);
            }
        }
        done += 1;
    }
    hash
}

/// The method that an id names on this server.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The index of its service, in the order of registration.
    pub service: u16, // at most MAX_SERVICES
    /// The index of the method in its service, in the order of the trait.
    pub index: u16, // at most MAX_METHODS
    /// Its description.
    pub method: &'static Method,
}

/// All methods of all services of a server, by id.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// The services, in the order of registration.
    contracts: Vec<&'static Contract>,
    /// The methods, in ascending order of their ids.
    entries: Vec<(MethodId, Entry)>,
}

impl Directory {
    /// The directory of these services.
    ///
    /// # Errors
    /// [`ContractError`] if two services or methods cannot be told apart, or there are too many.
    pub fn new(contracts: Vec<&'static Contract>) -> Result<Self, ContractError> {
        let count = contracts.iter().filter(|contract| contract.service != REFLECTION).count();
        if count > MAX_SERVICES {
            return Err(ContractError::TooManyServices(count));
        }
        let mut entries = Vec::new();
        for (service, contract) in contracts.iter().enumerate() {
            if contracts.iter().take(service).any(|earlier| earlier.service == contract.service) {
                return Err(ContractError::SameService(contract.service));
            }
            if contract.methods.len() > MAX_METHODS {
                return Err(ContractError::TooManyMethods(contract.service, contract.methods.len()));
            }
            if let Some((method, why)) = contract.unsendable() {
                return Err(ContractError::Unsendable { method, why });
            }
            // Neither is cut: both numbers are within their bounds, which are below 2^16.
            let of_service = |(index, method)| Entry { service: service as u16, index, method };
            let methods = (0..).zip(contract.methods.iter()).map(of_service);
            entries.extend(methods.map(|entry| (entry.method.id, entry)));
        }
        entries.sort_by_key(|(id, _)| *id);
        for pair in entries.windows(2) {
            if let [(a, first), (b, second)] = pair {
                if a == b {
                    return Err(ContractError::SameMethod(first.method.name, second.method.name));
                }
            }
        }
        Ok(Directory { contracts, entries })
    }

    /// Returns the method with this id, if there is one.
    pub fn find(&self, id: MethodId) -> Option<Entry> {
        let at = self.entries.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.entries.get(at).map(|(_, entry)| *entry)
    }

    /// Returns the service of this name, if there is one.
    pub fn contract(&self, service: &str) -> Option<&'static Contract> {
        self.contracts.iter().copied().find(|contract| contract.service == service)
    }

    /// Returns all services, in the order of registration.
    pub fn contracts(&self) -> &[&'static Contract] {
        &self.contracts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Method = Method::new("Kv.get", "fn get(key: &str) -> String");
    const PUT: Method = Method::new("Kv.put", "fn put(key: &str, value: &str)");
    static KV: Contract = Contract::new("Kv", &[GET, PUT]);
    static KV_TURNED: Contract = Contract::new("Kv", &[PUT, GET]);
    static KV_CHANGED: Contract = Contract::new("Kv", &[GET, Method::new("Kv.put", "fn put(key: &str)")]);

    #[test]
    fn the_order_of_methods_does_not_change_a_contract() {
        assert_eq!(KV.hash, KV_TURNED.hash);
    }

    #[test]
    fn a_changed_signature_changes_the_method_and_the_contract() {
        assert_ne!(KV.hash, KV_CHANGED.hash);
        assert_ne!(KV.methods[1].id, KV_CHANGED.methods[1].id);
        assert_eq!(KV.methods[0].id, KV_CHANGED.methods[0].id);
    }

    #[test]
    fn a_renamed_argument_changes_neither_the_method_nor_the_contract() {
        const RENAMED: Method = Method::new("Kv.get", "fn get(name: &str) -> String");
        static KV_RENAMED: Contract = Contract::new("Kv", &[RENAMED, PUT]);
        assert_eq!((RENAMED.id, KV_RENAMED.hash), (GET.id, KV.hash));
    }

    #[test]
    fn a_version_changes_the_method_and_the_contract() {
        const SECOND: Method = Method::new("Kv.get", "fn get(key: &str) -> String; version 2");
        static KV_SECOND: Contract = Contract::new("Kv", &[SECOND, PUT]);
        assert_ne!(SECOND.id, GET.id);
        assert_ne!(KV_SECOND.hash, KV.hash);
    }

    #[test]
    fn a_directory_finds_each_method_and_nothing_else() {
        let directory = Directory::new(vec![&KV]).expect("one service");
        assert_eq!(directory.find(PUT.id).expect("known").index, 1);
        assert!(directory.find(MethodId(1)).is_none());
    }

    #[test]
    fn two_services_of_one_name_are_refused() {
        assert_eq!(Directory::new(vec![&KV, &KV_CHANGED]).err(), Some(ContractError::SameService("Kv")));
    }
}
