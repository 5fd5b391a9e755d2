//! The attribute under another name: only `#[rpc(..)]` is read on methods.

use rpc_core::rpc as remote;

#[remote]
pub trait Kv {
    #[remote(idempotent)]
    fn get(&self, key: &str) -> String;
    #[rpc(idempotent)]
    fn read(&self, key: &str) -> String;
}

fn main() {}
