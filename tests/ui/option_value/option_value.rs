//! Options without their value, and with one too many.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    #[rpc(deadline)]
    fn get(&self, key: &str) -> String;
    #[rpc(idempotent = true)]
    fn put(&self, key: &str);
    #[rpc(slow(very))]
    fn clear(&self);
}

fn main() {}
