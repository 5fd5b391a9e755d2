//! A method named like the client's constructor.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn connect(&self);
}

fn main() {}
