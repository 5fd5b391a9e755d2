//! Options that do not exist, on each place that can have options.

use rpc_core::rpc;

#[rpc(idempotent)]
pub trait Kv {
    #[rpc(cached)]
    fn get(&self, key: &str) -> String;
    #[rpc(retry = 3, slow, crate = "rpc")]
    fn put(&self, #[rpc(default = "a")] key: &str);
}

fn main() {}
