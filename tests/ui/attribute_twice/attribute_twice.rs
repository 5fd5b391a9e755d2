//! The attribute on one trait twice.

use rpc_core::rpc;

#[rpc]
#[rpc(crate = "rpc_core")]
pub trait Kv {
    fn get(&self, key: &str) -> String;
}

fn main() {}
