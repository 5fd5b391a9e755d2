//! Layer 2: the TABLE of each service, encoded once: a client that asks for it costs no more than its bytes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::contract::Directory;
use crate::wire::message::Table;

/// The encoded bodies of TABLE, by the names of the services: they are the same as long as the server lives.
#[derive(Clone, Debug)]
pub(super) struct Tables(Arc<HashMap<&'static str, Vec<u8>>>);

impl Tables {
    /// Encodes the tables of all services.
    pub(super) fn new(directory: &Directory) -> Self {
        let contracts = directory.contracts().iter();
        let encoded = contracts.map(|contract| (contract.service, Table::of(contract).encode()));
        Tables(Arc::new(encoded.collect()))
    }

    /// Returns the body for a service; that of an empty table if the server does not have it.
    pub(super) fn get(&self, service: &str) -> Cow<'_, [u8]> {
        match self.0.get(service) {
            Some(body) => Cow::Borrowed(body),
            None => Table { service: service.to_owned(), methods: Vec::new() }.encode().into(),
        }
    }
}
