//! An associated type, and a method that uses it.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    type Value;
    fn get(&self, key: &str) -> Self::Value;
}

fn main() {}
