//! A method that is generic over a type or a constant.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn put<T>(&self, value: T);
    fn fill<const N: usize>(&self, bytes: [u8; N]);
}

fn main() {}
