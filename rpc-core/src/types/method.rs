//! The types of a method and of a service: traced once, with the reason where they cannot be.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};

use super::build::build;
use super::graph::{Graph, Obstacle};
use super::passes::explore;
use super::{Formats, fingerprint};
use crate::ids::{FNV_START, MethodId, fnv1a};

/// The formats of a method's types, or the reason for which there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Traced {
    /// Their formats.
    Formats(Formats),
    /// The reason for which they are not known: then the signature alone counts.
    Untraced(String),
    /// The reason for which its values would not arrive as they were sent.
    Unsendable(String),
}

/// The types of a method.
#[derive(Clone, Debug)]
pub struct MethodTypes {
    /// Their formats, or the reason for which there are none.
    pub traced: Traced,
    /// The hash that shows any difference.
    pub fingerprint: u64,
    /// The text of the formats, or `untraced` and the reason.
    pub text: String,
}

/// The types of all methods of a service, in the order of its methods.
#[derive(Clone, Debug)]
pub struct ServiceTypes {
    /// The types of each method.
    pub methods: Vec<MethodTypes>,
    /// The hash over all: see [`fingerprint_of_service`].
    pub fingerprint: u64,
}

/// The words before a reason in the place of formats.
pub(crate) const UNTRACED: &str = "untraced: ";

impl MethodTypes {
    /// Returns the types of a method that were traced.
    pub fn new(id: MethodId, traced: Traced) -> Self {
        let (fingerprint, text) = match &traced {
            Traced::Formats(formats) => (fingerprint(formats), formats.to_string()),
            // The reason is a text of this version of serde and of the types: it is shown, and not compared.
            Traced::Untraced(why) | Traced::Unsendable(why) => {
                (fnv1a(fnv1a(FNV_START, b"untraced"), &id.0.to_le_bytes()), format!("{UNTRACED}{why}"))
            }
        };
        MethodTypes { traced, fingerprint, text }
    }
}

/// Returns the hash over the types of a service: of its name, and of the ids and fingerprints of its methods in the ascending
/// order of the ids.
pub fn fingerprint_of_service(service: &str, methods: impl Iterator<Item = (MethodId, u64)>) -> u64 {
    let mut methods: Vec<_> = methods.collect();
    methods.sort_unstable();
    methods.iter().fold(fnv1a(FNV_START, service.as_bytes()), |hash, (id, fingerprint)| {
        fnv1a(fnv1a(hash, &id.0.to_le_bytes()), &fingerprint.to_le_bytes())
    })
}

/// Traces the types of a method: of the tuple of its arguments, of its value, and of its error if it has one.
///
/// It runs the code with which these types are read and written, with made-up values.
pub fn trace<'de, A, T, E>(has_error: bool) -> Traced
where
    A: Deserialize<'de> + Serialize,
    T: Deserialize<'de> + Serialize,
    E: Deserialize<'de> + Serialize,
{
    let graph = RefCell::new(Graph::new());
    explore::<A>(&graph, 0);
    explore::<T>(&graph, 1);
    if has_error {
        explore::<E>(&graph, 2);
    }
    match build(graph.into_inner(), has_error) {
        Ok(formats) => Traced::Formats(formats),
        Err(Obstacle::Untraced(why)) => Traced::Untraced(why),
        Err(Obstacle::Unsendable(why)) => Traced::Unsendable(why),
    }
}
