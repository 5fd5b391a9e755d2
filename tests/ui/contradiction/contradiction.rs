//! Options of which one makes the other void.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    #[rpc(idempotent, max_cached_reply = 65536)]
    fn get(&self, key: &str) -> String;
}

fn main() {}
