//! An argument that is marked as the context and is something else.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn get(&self, #[rpc(context)] key: &str) -> String;
    fn put(&self, key: &str, #[rpc(context)] cx: &str);
}

fn main() {}
