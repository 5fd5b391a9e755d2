//! Types without a size, as values.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn put(&self, key: str, value: [u8]);
    fn find(&self, keys: Vec<str>, limits: (u8, Option<[u16]>)) -> str;
    fn all(&self) -> Result<[String], str>;
    fn boxed(&self, text: Box<str>, bytes: Box<[u8]>) -> Box<str>;
}

fn main() {}
