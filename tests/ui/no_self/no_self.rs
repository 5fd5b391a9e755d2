//! No receiver.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn put(key: &str);
}

fn main() {}
