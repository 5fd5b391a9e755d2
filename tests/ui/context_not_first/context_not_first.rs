//! A context behind another argument, and a second one.

use rpc_core::rpc;

use rpc_core::CallContext;

#[rpc]
pub trait Kv {
    fn get(&self, key: &str, cx: &CallContext) -> String;
    fn put(&self, cx: &CallContext, key: &str, again: &CallContext);
}

fn main() {}
