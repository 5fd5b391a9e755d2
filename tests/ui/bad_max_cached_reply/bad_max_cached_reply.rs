//! Limits that are no number of bytes.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    #[rpc(max_cached_reply = "64 KiB")]
    fn a(&self);
    #[rpc(max_cached_reply = -1)]
    fn b(&self);
    #[rpc(max_cached_reply = 4294967296)]
    fn c(&self);
}

fn main() {}
