//! A constant method.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    const fn get(&self, key: &str) -> String;
}

fn main() {}
