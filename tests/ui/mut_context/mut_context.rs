//! A context by `&mut`, and one with a lifetime.

use rpc_core::rpc;

use rpc_core::CallContext;

#[rpc]
pub trait Kv {
    fn get(&self, cx: &mut CallContext, key: &str) -> String;
    fn put(&self, cx: &'static CallContext);
}

fn main() {}
