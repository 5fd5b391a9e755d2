//! Keys of collections that lack what a key needs.

use std::collections::{BTreeSet, HashMap};

use rpc_core::rpc;

use rpc_core::serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(crate = "rpc_core::serde")]
pub struct Key;

#[rpc]
pub trait Kv {
    fn put(&self, all: HashMap<Key, u8>);
    fn sums(&self) -> Vec<HashMap<f64, String>>;
    fn keys(&self) -> BTreeSet<Key>;
}

fn main() {}
