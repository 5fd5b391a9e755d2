//! Seven mistakes, told at once; the sound method and the implementation give no further message.

use rpc_core::rpc;

#[rpc]
pub trait Kv {
    const LIMIT: usize;
    fn get(&mut self, key: &str) -> String;
    async fn put(&self, key: &str, value: impl Into<String>);
    fn keys(&self) -> &[String];
    #[rpc(deadline = "soon")]
    fn connect(&self);
    fn sound(&self, key: &str) -> u64;
}

struct Store;

impl Kv for Store {
    const LIMIT: usize = 1;
    fn get(&mut self, key: &str) -> String {
        key.to_owned()
    }
    async fn put(&self, _key: &str, _value: impl Into<String>) {}
    fn keys(&self) -> &[String] {
        &[]
    }
    fn connect(&self) {}
    fn sound(&self, _key: &str) -> u64 {
        0
    }
}

pub fn call(kv: &KvClient) -> Result<u64, rpc_core::CallError> {
    let _ = KvServer::new(Store);
    kv.sound("a")
}

fn main() {}
