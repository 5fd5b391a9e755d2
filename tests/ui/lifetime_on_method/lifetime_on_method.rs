//! A method with a lifetime of its own.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn get<'a>(&self, key: &'a str) -> String;
}

fn main() {}
