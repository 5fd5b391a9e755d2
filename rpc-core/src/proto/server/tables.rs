//! Layer 2: the TABLE of each service, encoded once: a client that asks for it costs no more than its bytes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::contract::Directory;
use crate::wire::message::{FEATURE_PROPERTIES, Table};

/// The encoded bodies of TABLE, by the names of the services: they are the same as long as the server lives.
#[derive(Clone, Debug)]
pub(super) struct Tables(Arc<HashMap<&'static str, Bodies>>);

/// The bodies for one service.
#[derive(Clone, Debug)]
struct Bodies {
    /// For sessions without properties of methods.
    plain: Vec<u8>,
    /// For sessions with them.
    properties: Vec<u8>,
}

impl Tables {
    /// Encodes the tables of all services, and the list of them, whose name is empty.
    pub(super) fn new(directory: &Directory) -> Self {
        let encode =
            |table: Table| Bodies { plain: table.encode(0), properties: table.encode(FEATURE_PROPERTIES) };
        let contracts = directory.contracts().iter();
        let encoded = contracts.map(|contract| (contract.service, encode(Table::of(contract))));
        let services = ("", encode(Table::of_services(directory.contracts())));
        Tables(Arc::new(encoded.chain([services]).collect()))
    }

    /// Returns the body for a service, in a session with these features; that of an empty table if the server does not have
    /// the service.
    pub(super) fn get(&self, service: &str, features: u32) -> Cow<'_, [u8]> {
        match self.0.get(service) {
            Some(bodies) if features & FEATURE_PROPERTIES != 0 => Cow::Borrowed(&bodies.properties),
            Some(bodies) => Cow::Borrowed(&bodies.plain),
            None => Table { service: service.to_owned(), ..Table::default() }.encode(features).into(),
        }
    }
}
