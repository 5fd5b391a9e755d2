//! An array that is longer than those which serde knows.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn put(&self, key: [u8; 64]);
}

fn main() {}
