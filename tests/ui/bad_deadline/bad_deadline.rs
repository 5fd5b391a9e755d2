//! Deadlines that are none.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    #[rpc(deadline = 250)]
    fn a(&self);
    #[rpc(deadline = "250")]
    fn b(&self);
    #[rpc(deadline = "1.5s")]
    fn c(&self);
    #[rpc(deadline = "0ms")]
    fn d(&self);
    #[rpc(deadline = "2 hours")]
    fn e(&self);
}

fn main() {}
