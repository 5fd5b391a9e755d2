//! Two methods of one name.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn get(&self, key: &str) -> String;
    fn get(&self, key: &str, default: &str) -> String;
}

fn main() {}
