//! Results that are called otherwise: their callers would get a `Result` in a `Result`.

use rpc_core::rpc;

type Reply<T> = Result<T, String>;
type Number = u64;

#[rpc]
pub trait Kv {
    fn get(&self, key: &str) -> Reply<String>;
    fn put(&self, key: &str) -> self::Reply<()>;
    fn count(&self) -> Number;
}

fn main() {}
