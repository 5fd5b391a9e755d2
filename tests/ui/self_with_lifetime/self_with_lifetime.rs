//! A receiver with a lifetime that is declared elsewhere.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn get(&'static self) -> String;
}

fn main() {}
