//! The service of the tests: texts that grow, so that a call that runs twice, or not at all, is seen.

use std::ops::{Bound, ControlFlow};
use std::sync::{Arc, Mutex, PoisonError};

use rpc_core::{CallContext, DurableFilter, rpc};
use rpc_sim::{Faults, Network};
use rpc_store::{Store, Transaction};

/// Texts by key.
#[rpc]
pub(crate) trait Ledger {
    /// Appends to a text, and returns it.
    fn append(&self, key: &str, text: &str) -> String;
    /// Appends, and then fails.
    fn fail(&self, key: &str, text: &str) -> Result<(), String>;
    /// Appends, and then panics.
    fn panic(&self, key: &str, text: &str);
    /// Appends, and then gives up.
    fn give_up(&self, cx: &CallContext, key: &str, text: &str);
    /// Appends to one key, removes another, and returns all pairs as it sees them.
    fn swap(&self, key: &str, text: &str, gone: &str) -> Vec<(String, String)>;
    /// Returns a text.
    #[rpc(idempotent)]
    fn read(&self, key: &str) -> Option<String>;
    /// Returns all pairs.
    #[rpc(idempotent)]
    fn all(&self) -> Vec<(String, String)>;
    /// Writes, though it has no transaction.
    #[rpc(idempotent)]
    fn wrong(&self);
}

/// The store that the service of a test uses now: a life of the server opens it anew.
#[derive(Clone, Default)]
pub(crate) struct Texts(Arc<Mutex<Option<Store>>>);

impl Texts {
    pub(crate) fn store(&self) -> Store {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().expect("a server runs")
    }

    pub(crate) fn set(&self, store: Store) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(store);
    }

    /// A server with this service in virtual time, whose every life opens the store with `open`.
    pub(crate) fn network(
        seed: u64,
        faults: Faults,
        mut open: impl FnMut() -> Store + Send + 'static,
    ) -> Network {
        let network = Network::new(seed, faults);
        let texts = Texts::default();
        let of_service = texts.clone();
        network.durable(move || {
            texts.set(open());
            Arc::new(texts.store()) as Arc<dyn DurableFilter>
        });
        network.serve(LedgerServer::new(of_service));
        network
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("a text")
}

fn add(tx: &mut Transaction<'_>, key: &str, more: &str) -> String {
    let value = tx.get(key.as_bytes()).map_or(String::new(), text) + more;
    tx.put(key.as_bytes(), value.as_bytes());
    value
}

fn all(range: impl FnOnce(&mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>)) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    range(&mut |key, value| {
        pairs.push((text(key.to_vec()), text(value.to_vec())));
        ControlFlow::Continue(())
    });
    pairs
}

impl Ledger for Texts {
    fn append(&self, key: &str, text: &str) -> String {
        add(&mut self.store().transaction(), key, text)
    }

    fn fail(&self, key: &str, text: &str) -> Result<(), String> {
        Err(add(&mut self.store().transaction(), key, text))
    }

    fn panic(&self, key: &str, text: &str) {
        add(&mut self.store().transaction(), key, text);
        panic!("as planned");
    }

    fn give_up(&self, cx: &CallContext, key: &str, text: &str) {
        add(&mut self.store().transaction(), key, text);
        cx.give_up("as planned");
    }

    fn swap(&self, key: &str, text: &str, gone: &str) -> Vec<(String, String)> {
        let store = self.store();
        let mut tx = store.transaction();
        add(&mut tx, key, text);
        tx.delete(gone.as_bytes());
        all(|each| tx.range(Bound::Unbounded, each))
    }

    fn read(&self, key: &str) -> Option<String> {
        self.store().get(key.as_bytes()).map(text)
    }

    fn all(&self) -> Vec<(String, String)> {
        let store = self.store();
        all(|each| store.range(Bound::Unbounded, each))
    }

    fn wrong(&self) {
        self.store().transaction();
    }
}
