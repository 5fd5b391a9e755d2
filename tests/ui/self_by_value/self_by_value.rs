//! A receiver by value, or behind a pointer.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn close(self);
    fn boxed(self: Box<Self>);
}

fn main() {}
