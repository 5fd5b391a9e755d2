//! A method with any number of arguments.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn sum(&self, count: usize, ...) -> u64;
}

fn main() {}
