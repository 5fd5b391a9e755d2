//! `impl Trait` as an argument, also within another type.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn put(&self, key: impl Into<String>);
    fn all(&self, keys: Vec<impl Into<String>>);
}

fn main() {}
