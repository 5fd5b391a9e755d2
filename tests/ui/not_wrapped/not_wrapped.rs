//! An implementation that is served without its server.

use rpc_core::{Server, rpc, serve};

#[rpc]
pub trait Kv {
    fn get(&self, key: &str) -> Option<String>;
}

struct Store;

impl Kv for Store {
    fn get(&self, _: &str) -> Option<String> {
        None
    }
}

fn main() {
    let _ = serve("127.0.0.1:0", Store);
    let _ = Server::builder().service(Store);
}
