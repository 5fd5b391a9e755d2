//! An argument whose type cannot be sent.

use rpc_core::rpc;

pub struct Doc;

#[rpc]
pub trait Kv {
    fn put(&self, doc: Doc);
    fn compare(&self, one: &Doc, other: &Doc) -> bool;
}

fn main() {}
