//! The service that is measured, and its server.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rpc_core::{Server, ServerLimits, rpc};

use crate::Failure;
use crate::work::{KEYS, key, value};

/// The service that is measured.
#[rpc]
pub trait Peer {
    /// Returns the bytes.
    #[rpc(idempotent)]
    fn echo(&self, bytes: &[u8]) -> Vec<u8>;
    /// Returns the value of a key.
    fn get(&self, key: &str) -> Option<Vec<u8>>;
    /// Sets a key.
    fn put(&self, key: &str, value: &[u8]);
}

/// A map behind a lock, filled with a thousand keys.
#[derive(Debug)]
pub struct Store(Mutex<HashMap<String, Vec<u8>>>);

impl Store {
    /// Returns the filled store.
    pub fn filled() -> Self {
        Store(Mutex::new((0..KEYS).map(|i| (key(i), value(i))).collect()))
    }
}

impl Peer for Store {
    fn echo(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn put(&self, key: &str, value: &[u8]) {
        let mut store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match store.get_mut(key) {
            Some(known) => value.clone_into(known),
            None => drop(store.insert(key.to_owned(), value.to_vec())),
        }
    }
}

/// Serves until the process is ended. The loop looks for events for `spin` before it sleeps.
///
/// # Errors
/// Returns an error if the address cannot be bound.
pub fn serve(address: SocketAddr, spin: Duration) -> Result<(), Failure> {
    let limits = ServerLimits { spin, ..ServerLimits::default() };
    let server = Server::builder().limits(limits).service(PeerServer::new(Store::filled()));
    Ok(server.bind(address)?.run()?)
}
