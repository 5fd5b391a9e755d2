//! The plain case: arguments by reference, replies with an error type of the service's own.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub)]

use rpc_core::rpc;
use serde::{Deserialize, Serialize};

/// The reason for which a key has no value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum KvError {
    /// It never had one.
    NotFound,
}

/// Keys and values.
#[rpc]
pub trait Kv {
    /// The value of a key.
    #[rpc(idempotent)]
    fn get(&self, key: &str) -> Result<String, KvError>;
    /// Sets it.
    fn put(&self, key: &str, value: &str) -> Result<(), KvError>;
    /// All keys.
    fn keys(&self) -> Vec<String>;
    /// Removes all.
    fn clear(&self);
}

#[derive(Debug, Clone)]
struct Store;

impl Kv for Store {
    fn get(&self, _key: &str) -> Result<String, KvError> {
        Err(KvError::NotFound)
    }
    fn put(&self, _key: &str, _value: &str) -> Result<(), KvError> {
        Ok(())
    }
    fn keys(&self) -> Vec<String> {
        Vec::new()
    }
    fn clear(&self) {}
}

fn use_it(kv: &KvClient) -> Result<(), rpc_core::CallError<KvError>> {
    let value: String = kv.get("a")?;
    kv.put("b", &value)?;
    let pending = kv.start.get("a");
    assert!(!pending.wait()?.is_empty());
    Ok(())
}

fn main() {
    let server = KvServer::new(Store);
    assert!(format!("{server:?}").contains("Store"));
    let _ = use_it;
}
