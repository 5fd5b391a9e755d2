//! The attribute on a type.

use rpc_core::rpc;

#[rpc]
pub struct Kv {
    pub keys: Vec<String>,
}

#[rpc]
pub enum Either {
    One,
}

fn main() {}
