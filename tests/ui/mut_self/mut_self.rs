//! A receiver by `&mut`.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn put(&mut self, key: &str);
}

fn main() {}
