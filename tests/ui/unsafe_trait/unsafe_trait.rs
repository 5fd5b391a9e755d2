//! An unsafe trait.

use rpc_core::rpc;

#[rpc]
pub unsafe trait Kv {
    fn get(&self, key: &str) -> String;
}

fn main() {}
