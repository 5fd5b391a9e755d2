//! A reference to what has no size, other than `str` and slices.

use rpc_core::rpc;

use std::path::Path;

#[rpc]
pub trait Kv {
    fn load(&self, from: &Path);
}

fn main() {}
