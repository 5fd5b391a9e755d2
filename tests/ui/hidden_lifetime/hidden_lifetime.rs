//! A type that borrows and does not show it: rustc asks for the `<'_>`.

use rpc_core::rpc;

use rpc_core::serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(crate = "rpc_core::serde")]
pub struct View<'a>(&'a str);

#[rpc]
pub trait Kv {
    fn put(&self, view: View);
    fn shown(&self, view: View<'_>);
}

fn main() {}
