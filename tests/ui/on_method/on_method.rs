//! An option on a method whose trait has no `#[rpc]`.

use rpc_core::rpc;

pub trait Kv {
    #[rpc(idempotent)]
    fn get(&self, key: &str) -> String;
}

impl Kv for () {
    #[rpc(idempotent)]
    fn get(&self, key: &str) -> String {
        key.to_owned()
    }
}

fn main() {}
