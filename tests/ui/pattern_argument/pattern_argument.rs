//! Patterns in place of names.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn put(&self, (key, value): (String, String));
    fn touch(&self, _: &str);
    fn count(&self, mut from: u64);
}

fn main() {}
