//! Layer 3: the service that describes a server: its services, methods, types, policies, limits and counters. Written by hand, as
//! `#[rpc]` would.
//!
//! Each reply is bounded: a service is described in pages of [`REFLECTION_PAGE`] bytes, so that the description of a large one
//! takes several calls, and what is too long for a page is cut or left out with a word about it.

mod client;
mod description;

use std::fmt;
use std::sync::OnceLock;

pub use client::ReflectionClient;
pub use description::{
    Argument, LimitValue, MethodDescription, ServerDescription, ServiceDescription, ServiceSummary,
    TypesDescription,
};

use super::{Dispatch, Dispatched, Health, Refused, Service};
use crate::contract::{Contract, Method, REFLECTION, TypesOf};
use crate::limits::{MAX_DETAIL, MAX_DOCS, REFLECTION_PAGE, ServerLimits};
use crate::proto::server::ServerCounters;
use crate::types::{Traced, trace};
use crate::wire::message::cut;

/// The methods of the service.
static METHODS: [Method; 3] = [
    Method::new("ServerReflection.server", "fn server() -> ServerDescription")
        .idempotent()
        .docs("Describes the server: its version, its services, its limits and its health.")
        .types(|| trace::<(), ServerDescription, ()>(false)),
    Method::new(
        "ServerReflection.service",
        "fn service(name: &str, from: u32) -> Option<ServiceDescription>",
    )
    .idempotent()
    .docs(
        "Describes a service: its methods from this one on, as many as one reply may have. None if there is no such service.",
    )
    .types(|| trace::<(&str, u32), Option<ServiceDescription>, ()>(false)),
    Method::new("ServerReflection.counters", "fn counters() -> Vec<(String, u64)>")
        .idempotent()
        .slow()
        .docs("Returns the counters of the server by their names; those of the present, as `running`, may go down.")
        .types(|| trace::<(), Vec<(String, u64)>, ()>(false)),
];
const SERVER: usize = 0;
const SERVICE: usize = 1;
const COUNTERS: usize = 2;

/// The formats of its types.
static TYPES: TypesOf = TypesOf::new(REFLECTION, &METHODS);

/// The contract of the service.
static CONTRACT: Contract = Contract::new(REFLECTION, &METHODS)
    .with_types(|| TYPES.get())
    .docs("Describes this server: its services and methods with their types, its limits and its counters.");

/// The library and its version, as a description has it.
const VERSION: &str = concat!("rpc-core ", env!("CARGO_PKG_VERSION"));

/// Returns the counters of a server.
type ReadCounters = Box<dyn Fn() -> ServerCounters + Send + Sync>;

/// A built-in service that describes the server that it is on. A server has it unless it is switched off.
pub struct Reflection {
    /// The services of the server, this one included.
    contracts: Vec<&'static Contract>,
    /// The limits of the server.
    limits: ServerLimits,
    /// The health of the server, if it has that service.
    health: Option<Health>,
    /// True if the duplicate filter is on.
    pub at_most_once: bool,
    /// True if the server has a store.
    pub durable: bool,
    /// The number of event loops.
    pub loops: usize,
    /// Reads the counters, once the server has loops.
    counters: OnceLock<ReadCounters>,
}

impl fmt::Debug for Reflection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reflection({} services)", self.contracts.len())
    }
}

impl Reflection {
    /// Returns the service that describes a server of these services and itself.
    pub fn new(mut contracts: Vec<&'static Contract>, limits: ServerLimits, health: Option<Health>) -> Self {
        contracts.push(&CONTRACT);
        let counters = OnceLock::new();
        Reflection { contracts, limits, health, at_most_once: true, durable: false, loops: 1, counters }
    }

    /// Sets the function that reads the counters of the server. Only the first call has an effect.
    pub fn set_counters(&self, read: impl Fn() -> ServerCounters + Send + Sync + 'static) {
        let _ = self.counters.set(Box::new(read));
    }

    /// Describes the server.
    fn server(&self) -> ServerDescription {
        ServerDescription {
            version: VERSION.to_owned(),
            services: self.contracts.iter().map(|contract| ServiceSummary::of(contract)).collect(),
            limits: self.limits.named(),
            health: self.health.as_ref().map(Health::state),
            at_most_once: self.at_most_once,
            durable: self.durable,
            loops: self.loops as u32, // at most MAX_LOOPS
            more: Vec::new(),
        }
    }

    /// Describes the methods of a service from this one on, as many as there is room for, and one at least.
    fn service(&self, name: &str, from: u32) -> Option<ServiceDescription> {
        let contract = self.contracts.iter().find(|contract| contract.service == name)?;
        // Room is left for what is around the methods: the service's name and two numbers.
        let page = REFLECTION_PAGE.min(self.limits.max_frame.saturating_sub(MAX_DETAIL / 2));
        let mut described = ServiceDescription {
            name: contract.service.to_owned(),
            docs: cut(contract.docs, MAX_DOCS.min(page / 4)).to_owned(),
            methods: Vec::new(),
            next: None,
            more: Vec::new(),
        };
        let mut left = page.saturating_sub(described.docs.len() + described.name.len());
        let from = from as usize;
        for (index, method) in contract.methods.iter().enumerate().skip(from) {
            let mut one = describe(contract, method);
            if one.room() > left && index == from {
                one.fit(left);
            }
            if one.room() > left && index > from {
                described.next = u32::try_from(index).ok();
                break;
            }
            left = left.saturating_sub(one.room());
            described.methods.push(one);
        }
        Some(described)
    }

    /// Returns the counters by their names; none before the server has loops.
    fn counters(&self) -> Vec<(String, u64)> {
        let Some(read) = self.counters.get() else { return Vec::new() };
        read().named().into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }
}

/// Describes a method.
fn describe(contract: &Contract, method: &Method) -> MethodDescription {
    let types = contract.types_of(method);
    MethodDescription {
        name: method.name.to_owned(),
        id: method.id.0,
        signature: method.signature.to_owned(),
        docs: cut(method.docs, MAX_DOCS).to_owned(),
        idempotent: method.idempotent,
        slow: method.slow,
        later: method.later,
        context: method.context,
        deadline_millis: method.deadline.map(|deadline| deadline.as_millis() as u64), // was set in u64 milliseconds
        max_cached_reply: method.max_cached_reply.map(|bytes| bytes as u64),
        types: match types.map(|types| (&types.traced, types)) {
            Some((Traced::Formats(_), types)) => TypesDescription::Known(types.text.clone()),
            Some((Traced::Untraced(why) | Traced::Unsendable(why), _)) => {
                TypesDescription::Unknown(cut(why, MAX_DETAIL).to_owned())
            }
            None => {
                TypesDescription::Unknown("its stub was written by hand, and does not name them".to_owned())
            }
        },
        fingerprint: types.map_or(0, |types| types.fingerprint),
        more: Vec::new(),
    }
}

impl Service for Reflection {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn dispatch(&self, call: Dispatch<'_>) -> Result<Dispatched, Refused> {
        match call.method() {
            SERVER => {
                let () = call.arguments()?;
                call.reply::<ServerDescription>(self.server())
            }
            SERVICE => {
                let (name, from): (&str, u32) = call.arguments()?;
                call.reply::<Option<ServiceDescription>>(self.service(name, from))
            }
            COUNTERS => {
                let () = call.arguments()?;
                call.reply::<Vec<(String, u64)>>(self.counters())
            }
            _ => call.no_such_method(),
        }
    }
}

#[cfg(test)]
mod tests;
