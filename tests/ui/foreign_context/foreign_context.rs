//! A type that is called `CallContext` and is another; and an alias, which is not seen to be one.

use rpc_core::rpc;

use rpc_core::CallContext as Cx;

pub mod other {
    //! Has a type of that name.

    /// Not ours.
    pub struct CallContext;
}

#[rpc]
pub trait Kv {
    fn get(&self, cx: &other::CallContext, key: &str) -> String;
    fn put(&self, cx: &Cx, key: &str);
}

fn main() {}
