//! Replies that borrow.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    fn get(&self, key: &str) -> &str;
    fn bytes(&self) -> Result<&[u8], String>;
    fn find(&self, key: &str) -> Option<&'static str>;
    fn name(&self) -> std::borrow::Cow<'_, str>;
}

fn main() {}
