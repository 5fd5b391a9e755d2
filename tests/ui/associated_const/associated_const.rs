//! An associated constant.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    const LIMIT: usize;
    fn get(&self, key: &str) -> String;
}

fn main() {}
