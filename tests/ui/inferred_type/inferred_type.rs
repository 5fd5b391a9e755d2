//! A type that is left out.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn put(&self, key: _);
}

fn main() {}
