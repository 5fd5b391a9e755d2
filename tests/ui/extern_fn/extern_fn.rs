//! A method with a calling convention.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    extern "C" fn get(&self, key: &str) -> String;
}

fn main() {}
