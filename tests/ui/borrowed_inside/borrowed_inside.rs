//! References inside other types, where the server has nothing to borrow from.

use std::path::Path;

use rpc_core::rpc;

use rpc_core::serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(crate = "rpc_core::serde")]
pub struct Doc;

#[rpc]
pub trait Kv {
    fn put(&self, doc: Option<&Doc>, others: &[&Doc]);
    fn add(&self, pair: (u8, &[u16]), rest: &Vec<&String>);
    fn fine(&self, name: Option<&str>, parts: (&str, &[u8]), names: &[&str], doc: &Doc, at: Option<&Path>);
}

fn main() {}
