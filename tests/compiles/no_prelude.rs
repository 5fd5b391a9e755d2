//! A crate without the prelude: the stubs name all that they use.
#![no_implicit_prelude]
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub)]

/// A type of the user's own.
#[derive(::std::fmt::Debug, ::std::clone::Clone, ::serde::Serialize, ::serde::Deserialize)]
pub struct Doc;

/// Each way to pass an argument, and each form of a reply.
#[::rpc_core::rpc]
pub trait Kv {
    /// Borrowed, and a result.
    #[rpc(idempotent)]
    fn get(&self, key: &str, bytes: &[u8]) -> ::std::result::Result<Doc, ::std::string::String>;
    /// Owned, with a context.
    #[rpc(slow, deadline = "2s")]
    fn put(&self, cx: &::rpc_core::CallContext, docs: &[Doc], bytes: ::std::vec::Vec<u8>) -> Doc;
    /// Nothing.
    fn ping(&self);
}

/// Without methods.
#[::rpc_core::rpc]
pub trait Empty {}

fn main() {
    let _ = KvClient::get;
    let _ = KvServer::<()>::new;
    let _ = EmptyServer::<()>::new;
}
