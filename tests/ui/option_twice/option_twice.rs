//! Options given twice.

use rpc_core::rpc;

#[rpc(crate = "rpc_core", crate = "rpc_core")]
pub trait Kv {
    #[rpc(idempotent, idempotent)]
    fn get(&self, key: &str) -> String;
    #[rpc(deadline = "5s")]
    #[rpc(deadline = "6s")]
    fn put(&self, key: &str);
}

fn main() {}
