//! Layer 2: the TABLE of each service, encoded once: a client that asks for it costs no more than its bytes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::contract::Directory;
use crate::wire::message::{FEATURE_PROPERTIES, FEATURE_TYPES, Table};

/// The features that a TABLE depends on, in all combinations.
const VARIANTS: [u32; 4] = [0, FEATURE_PROPERTIES, FEATURE_TYPES, FEATURE_PROPERTIES | FEATURE_TYPES];

/// The encoded bodies of TABLE, by the names of the services: they are the same as long as the server lives.
#[derive(Clone, Debug)]
pub(super) struct Tables(Arc<HashMap<&'static str, Bodies>>);

/// The bodies for one service: for each of [`VARIANTS`].
type Bodies = [Vec<u8>; 4];

impl Tables {
    /// Encodes the tables of all services, and the list of them, whose name is empty.
    pub(super) fn new(directory: &Directory) -> Self {
        let encode = |table: Table| VARIANTS.map(|features| table.encode(features));
        let contracts = directory.contracts().iter();
        let encoded = contracts.map(|contract| (contract.service, encode(Table::of(contract))));
        let services = ("", encode(Table::of_services(directory.contracts())));
        Tables(Arc::new(encoded.chain([services]).collect()))
    }

    /// Returns the body for a service, in a session with these features; that of an empty table if the server does not have
    /// the service.
    pub(super) fn get(&self, service: &str, features: u32) -> Cow<'_, [u8]> {
        let [_, _, _, all] = VARIANTS;
        let known = self.0.get(service).and_then(|bodies| {
            let agreed = VARIANTS.iter().zip(bodies).find(|(variant, _)| **variant == features & all);
            agreed.map(|(_, body)| body)
        });
        match known {
            Some(body) => Cow::Borrowed(body),
            None => Table { service: service.to_owned(), ..Table::default() }.encode(features).into(),
        }
    }
}
