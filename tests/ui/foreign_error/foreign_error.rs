//! Errors of other crates as replies, and one of the user's own that lacks its derive.

use rpc_core::{CallError, rpc};

pub struct KvError;

#[rpc]
pub trait Kv {
    fn get(&self, key: &str) -> Result<String, std::io::Error>;
    fn forward(&self, key: &str) -> Result<String, CallError<String>>;
    fn put(&self, key: &str) -> Result<(), KvError>;
}

fn main() {}
