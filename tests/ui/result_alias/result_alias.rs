//! Results whose error type cannot be seen.

use rpc_core::rpc;

type Result<T> = std::result::Result<T, String>;

#[rpc]
pub trait Kv {
    fn get(&self, key: &str) -> std::io::Result<String>;
    fn put(&self, key: &str) -> Result<()>;
    fn number(&self) -> std::fmt::Result;
}

fn main() {}
