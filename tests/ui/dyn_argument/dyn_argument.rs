//! A trait object, by reference or owned.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn show(&self, what: &dyn std::fmt::Display);
    fn keep(&self, what: Box<dyn std::error::Error>);
}

fn main() {}
