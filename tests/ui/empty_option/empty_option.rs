//! Options that say nothing.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    #[rpc]
    fn get(&self, key: &str) -> String;
    #[rpc()]
    fn put(&self, key: &str);
    #[rpc = "slow"]
    fn clear(&self);
}

fn main() {}
