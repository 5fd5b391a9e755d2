//! Versions that are no number from 1 on.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    #[rpc(version = 0)]
    fn get(&self, key: &str) -> String;
    #[rpc(version = "2")]
    fn put(&self, key: &str);
    #[rpc(version)]
    fn remove(&self, key: &str);
    #[rpc(version = 1)]
    fn first(&self);
    #[rpc(version = 2)]
    fn second(&self);
}

fn main() {}
