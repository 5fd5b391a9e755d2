//! `Self`, which is the service, as an argument and as a reply.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn merge(&self, other: Self);
    fn copy(&self) -> Self;
}

fn main() {}
