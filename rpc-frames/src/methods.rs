//! The methods whose calls can be opened: their names, the names of their arguments, and the formats of their types.

use std::collections::HashMap;
use std::sync::Arc;

use rpc_core::Contract;
use rpc_core::ids::MethodId;
use rpc_core::types::{Formats, Traced};
use rpc_core::wire::message::Table;

/// Most methods that are remembered: a server has at most 64 services of 1,024 methods, and no server that was seen has a thousand.
const MOST_METHODS: usize = 4096;

/// The shape of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// `Service.method`.
    pub name: String,
    /// The names of its arguments, in their order.
    pub arguments: Vec<String>,
    /// The formats of its types, if they are known.
    pub formats: Option<Formats>,
}

/// Methods by the ids that they have on the wire.
///
/// ```
/// use rpc_core::{Client, rpc};
/// use rpc_frames::Methods;
///
/// #[rpc]
/// pub trait Adder {
///     fn add(&self, x: i64, y: i64) -> i64;
/// }
///
/// let methods = Methods::of(&[AdderClient::CONTRACT]);
/// let add = methods.get(AdderClient::CONTRACT.methods[0].id).unwrap();
/// assert_eq!((add.name.as_str(), &add.arguments[..]), ("Adder.add", &["x".to_owned(), "y".to_owned()][..]));
/// assert!(add.formats.is_some());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Methods {
    /// Shared by the copies, until one of them learns more.
    known: Arc<HashMap<u64, Shape>>,
}

impl Methods {
    /// Returns the methods of these contracts.
    pub fn of(contracts: &[&Contract]) -> Self {
        let mut methods = Methods::default();
        for contract in contracts {
            for method in contract.methods {
                let formats = contract.types_of(method).and_then(|types| match &types.traced {
                    Traced::Formats(formats) => Some(formats.clone()),
                    _ => None,
                });
                methods.add(method.id, method.name, method.signature, formats);
            }
        }
        methods
    }

    /// Adds the methods of a TABLE. One that is known with its formats stays as it is.
    pub fn learn(&mut self, table: &Table) {
        if table.service.is_empty() {
            return; // a list of services
        }
        for (id, name, signature) in &table.methods {
            let known = self.known.get(&id.0).is_some_and(|shape| shape.formats.is_some());
            if !known {
                let formats = table.types.get(id).and_then(|types| types.text.parse().ok());
                self.add(*id, name, signature, formats);
            }
        }
    }

    /// Returns the shape of a method.
    pub fn get(&self, id: MethodId) -> Option<&Shape> {
        self.known.get(&id.0)
    }

    /// Returns the number of methods.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Returns true if no method is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Adds a method. `signature` is as in TABLE: `fn get(key: &str) -> String`.
    pub fn add(&mut self, id: MethodId, name: &str, signature: &str, formats: Option<Formats>) {
        if self.known.len() < MOST_METHODS || self.known.contains_key(&id.0) {
            let shape = Shape { name: name.to_owned(), arguments: argument_names(signature), formats };
            Arc::make_mut(&mut self.known).insert(id.0, shape);
        }
    }
}

/// Returns the words of a signature that `: ` follows: they are the names of its arguments, and nothing else has that form (W16a).
fn argument_names(signature: &str) -> Vec<String> {
    let before = signature.split(": ").collect::<Vec<_>>();
    let names = before.iter().take(before.len().saturating_sub(1)).map(|text| {
        let begin = text.rfind(|c: char| c != '_' && !c.is_alphanumeric()).map_or(0, |at| {
            at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
        });
        text.get(begin..).unwrap_or_default().to_owned()
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w16a_the_names_of_arguments_are_the_words_before_a_colon() {
        for (signature, names) in [
            ("fn now() -> u64", &[][..]),
            ("fn get(key: &str) -> Result<String, KvError>", &["key"]),
            ("fn put(a_1: &str, größe: [u8; 2])", &["a_1", "größe"]),
            ("fn f(a: a::b::C<{ N }>, b: Map<u8, (u8, a::B)>)", &["a", "b"]),
            ("", &[]),
        ] {
            assert_eq!(argument_names(signature), names, "{signature}");
        }
    }
}
