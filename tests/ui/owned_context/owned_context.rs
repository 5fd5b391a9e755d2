//! A context by value.

use rpc_core::rpc;

use rpc_core::CallContext;

#[rpc]
pub trait Kv {
    fn get(&self, cx: CallContext, key: &str) -> String;
    fn put(&self, #[rpc(context)] cx: CallContext);
}

fn main() {}
