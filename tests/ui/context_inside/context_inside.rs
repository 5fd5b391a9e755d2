//! A call context in another type, and in a reply.

use rpc_core::{CallContext, rpc};

#[rpc]
pub trait Kv {
    fn get(&self, cx: Option<&CallContext>, key: &str) -> String;
    fn put(&self, pair: (&str, &[rpc_core::CallContext]));
    fn context(&self) -> CallContext;
    fn contexts(&self) -> Result<Vec<CallContext>, String>;
}

fn main() {}
