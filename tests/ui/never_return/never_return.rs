//! A method that never returns.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn run(&self) -> !;
}

fn main() {}
