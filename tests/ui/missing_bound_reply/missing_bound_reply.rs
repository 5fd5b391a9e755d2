//! A reply, and an error, whose types cannot be sent.

use rpc_core::rpc;

pub struct Doc;
pub struct KvError;

#[rpc]
pub trait Kv {
    fn get(&self, key: &str) -> Result<Doc, KvError>;
    fn first(&self) -> Doc;
}

fn main() {}
