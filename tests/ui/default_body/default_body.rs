//! A method with a body.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn get(&self, key: &str) -> String {
        key.to_owned()
    }
}

fn main() {}
