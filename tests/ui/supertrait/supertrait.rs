//! Supertraits: harmless bounds are allowed, others are not.

use rpc_core::rpc;

#[rpc]
pub trait Allowed: Send + Sync + 'static {
    fn get(&self, key: &str) -> String;
}

#[rpc]
pub trait Kv: Allowed + std::fmt::Debug {
    fn put(&self, key: &str);
}

fn main() {}
