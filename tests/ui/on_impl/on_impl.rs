//! The attribute on an implementation, and on a method of one.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn get(&self, key: &str) -> String;
}

struct Store;

#[rpc]
impl Kv for Store {
    fn get(&self, key: &str) -> String {
        key.to_owned()
    }
}

fn main() {}
