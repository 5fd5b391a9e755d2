//! An argument that is to be changed in place.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn fill(&self, into: &mut Vec<u8>);
}

fn main() {}
