//! Layer 0: the formats of the types of a service, found once, when they are first asked for.

use std::sync::OnceLock;

use super::{Contract, Method};
use crate::types::{MethodTypes, ServiceTypes, Traced, fingerprint_of_service};

/// The formats of the types of a service. Generated code has one for each service, beside its contract.
#[derive(Debug)]
pub struct TypesOf {
    /// The service's name.
    service: &'static str,
    /// Its methods.
    methods: &'static [Method],
    /// The formats, once they were found.
    traced: OnceLock<ServiceTypes>,
}

impl TypesOf {
    /// The types of a service with these methods.
    pub const fn new(service: &'static str, methods: &'static [Method]) -> Self {
        TypesOf { service, methods, traced: OnceLock::new() }
    }

    /// Returns the formats. The first call finds them: it runs the code that reads and writes the types, with made-up values, and
    /// logs a warning for each method whose types cannot be traced.
    pub fn get(&self) -> &ServiceTypes {
        self.traced.get_or_init(|| {
            let methods: Vec<MethodTypes> = self.methods.iter().map(types_of).collect();
            let hashes =
                self.methods.iter().zip(&methods).map(|(method, types)| (method.id, types.fingerprint));
            ServiceTypes { fingerprint: fingerprint_of_service(self.service, hashes), methods }
        })
    }
}

fn types_of(method: &Method) -> MethodTypes {
    let traced = match method.types {
        Some(trace) => trace(),
        None => Traced::Untraced("its stub was written by hand, and does not name them".to_owned()),
    };
    if let Traced::Untraced(why) = &traced {
        crate::log::warn!(
            method = method.name,
            why,
            "the types of a method could not be traced: client and server compare its signature alone"
        );
    }
    MethodTypes::new(method.id, traced)
}

impl Contract {
    /// Sets the documentation of the trait.
    pub const fn docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }

    /// Sets the formats of the types of its methods.
    pub const fn with_types(mut self, types: fn() -> &'static ServiceTypes) -> Self {
        self.types = Some(types);
        self
    }

    /// Returns the formats of the types of its methods; `None` if the contract was written without them.
    pub fn types(&self) -> Option<&'static ServiceTypes> {
        self.types.map(|types| types())
    }

    /// Returns the formats of one method, if they were found.
    pub fn types_of(&self, method: &Method) -> Option<&'static MethodTypes> {
        let index = self.methods.iter().position(|own| own.id == method.id)?;
        self.types()?.methods.get(index)
    }

    /// Returns the methods whose types could not be traced, with the reasons: client and server compare only their signatures.
    /// For a test of yours: `assert_eq!(KvClient::CONTRACT.untraced(), [])`.
    pub fn untraced(&self) -> Vec<(&'static str, &'static str)> {
        self.select(|traced| match traced {
            Traced::Untraced(why) => Some(why),
            _ => None,
        })
    }

    /// Returns the first method whose values would not arrive as they were sent, with the reason.
    pub fn unsendable(&self) -> Option<(&'static str, &'static str)> {
        let found = self.select(|traced| match traced {
            Traced::Unsendable(why) => Some(why),
            _ => None,
        });
        found.first().copied()
    }

    fn select(
        &self,
        reason: impl Fn(&'static Traced) -> Option<&'static String>,
    ) -> Vec<(&'static str, &'static str)> {
        let types = self.types().map(|types| types.methods.as_slice()).unwrap_or_default();
        let methods = self.methods.iter().zip(types);
        methods.filter_map(|(method, types)| Some((method.name, reason(&types.traced)?.as_str()))).collect()
    }
}
