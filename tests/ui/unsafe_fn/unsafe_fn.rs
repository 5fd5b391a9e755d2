//! An unsafe method.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    unsafe fn get(&self, key: &str) -> String;
}

fn main() {}
