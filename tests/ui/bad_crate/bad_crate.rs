//! A path that is none.

use rpc_core::rpc;

#[rpc(crate = "not a path")]
pub trait Kv {
    fn get(&self, key: &str) -> String;
}

fn main() {}
