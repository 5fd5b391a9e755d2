//! A method, and an argument, that are there in some builds only.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn get(&self, key: &str) -> String;
    #[cfg(debug_assertions)]
    fn debug(&self) -> String;
    fn put(&self, key: &str, #[cfg(debug_assertions)] value: &str);
}

fn main() {}
