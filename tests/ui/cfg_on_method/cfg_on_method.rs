//! Methods that are there in some builds only; and a trait, under the attribute.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn get(&self, key: &str) -> String;
    #[cfg(debug_assertions)]
    fn debug(&self) -> String;
}

#[rpc]
#[cfg(debug_assertions)]
pub trait Debugging {
    fn state(&self) -> String;
}

fn main() {}
