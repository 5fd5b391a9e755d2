//! Bounds behind a trait, and behind a method.

use rpc_core::rpc;

#[rpc]
pub trait Sized_
where
    Self: Sized,
{
    fn get(&self, key: &str) -> String;
}

#[rpc]
pub trait Kv {
    fn get(&self, key: &str) -> String
    where
        Self: Sized;
}

fn main() {}
