//! An asynchronous method.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    async fn get(&self, key: &str) -> String;
}

fn main() {}
