//! A trait that is generic.

use rpc_core::rpc;

#[rpc]
pub trait Kv<K, V> {
    fn get(&self, key: K) -> V;
}

fn main() {}
