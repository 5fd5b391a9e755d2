//! The server of a measurement: `peer-server ADDR`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rpc_core::Server;
use rpc_peers::{KEYS, Peer, PeerServer, key, value};

struct Store(Mutex<HashMap<String, Vec<u8>>>);

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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: peer-server ADDR")?;
    let store = Store(Mutex::new((0..KEYS).map(|i| (key(i), value(i))).collect()));
    let server = Server::builder().service(PeerServer::new(store)).bind(address)?;
    println!("listening on {}", server.local_addr());
    Ok(server.run()?)
}
