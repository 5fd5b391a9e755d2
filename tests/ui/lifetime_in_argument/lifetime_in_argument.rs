//! A named lifetime in an argument.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn put(&self, key: &'static str);
}

fn main() {}
