//! A pointer, and a function.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn read(&self, from: *const u8);
    fn each(&self, then: fn(u8));
}

fn main() {}
