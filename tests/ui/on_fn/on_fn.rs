//! The attribute on a function.

use rpc_core::rpc;

#[rpc]
pub fn get(key: &str) -> String {
    key.to_owned()
}

#[rpc]
pub mod kv {}

fn main() {}
