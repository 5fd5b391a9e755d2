//! Names of the user that meet ours, and a prelude that is shadowed.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, clippy::all, clippy::pedantic)]
#![allow(clippy::must_use_candidate)]

use serde::{Deserialize, Serialize};

/// Named like the type parameter that a server stub would have.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct S;

pub mod shadowed {
    //! A module whose own names hide the prelude.
    #![allow(dead_code, non_snake_case)]

    use super::S;
    use rpc_core::rpc;

    pub(crate) struct Result;
    pub(crate) struct Vec;
    pub(crate) struct String;
    pub(crate) struct Clone;
    pub(crate) struct Debug;
    pub(crate) struct Option;
    pub(crate) struct Send;
    pub(crate) struct Sync;
    pub(crate) fn Ok() {}
    pub(crate) fn Err() {}
    pub(crate) fn Some() {}
    pub(crate) fn None() {}

    /// Methods and arguments named like what the stubs use.
    #[rpc]
    pub trait Names {
        /// Like the view.
        fn start(&self, start: u8) -> u8;
        /// Like the handle, and like the server stub's local.
        fn call(&self, call: &str) -> u8;
        /// Like an option.
        fn within(&self, self_: u8, caller: &[u8], args: S) -> S;
        /// A word of the language.
        fn r#type(&self, r#match: u8) -> u8;
        /// Like the constructor of the server.
        fn new(&self, context: u8, service: u8, addr: u8) -> u8;
        /// Like the server stub's own methods.
        fn dispatch(&self, method: &[S]) -> u8;
        /// Like the server stub's own methods.
        fn contract(&self, arguments: &S) -> u8;
        /// Like a method of a derived trait.
        fn clone(&self) -> u8;
        /// Like a method of the trait that the client has.
        fn from_caller(&self, reply: u8) -> u8;
    }

    /// Named like the type parameter that a server stub would have.
    #[rpc]
    pub trait T {
        /// With a context, and an argument of that name.
        fn f(&self, cx: &rpc_core::CallContext, context: u8, call: u8) -> S;
    }
}

/// Reserved from edition 2024 on, and deprecated.
#[rpc_core::rpc]
pub trait Old {
    /// A word that is reserved.
    #[rpc_core::rpc(slow, deadline = "2s")]
    fn r#gen(&self);
    /// Once there, always there.
    #[deprecated = "use `r#gen`"]
    fn old(&self) -> S;
    /// Many arguments.
    #[allow(clippy::too_many_arguments)]
    fn many(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> u8;
}

#[rpc_core::rpc]
trait Private {
    fn only_the_trait_is_named(&self);
}

#[rpc_core::rpc]
trait Empty {}

macro_rules! service {
    ($name:ident, $argument:ty, $reply:ty) => {
        /// Written by a macro: its types come in invisible parentheses.
        #[rpc_core::rpc]
        pub trait $name {
            /// Takes and gives.
            fn method(&self, argument: $argument) -> $reply;
        }
    };
}

service!(ByMacro, &[u8], Result<Vec<u8>, String>);

struct Impl;

impl shadowed::Names for Impl {
    fn start(&self, start: u8) -> u8 {
        start
    }
    fn call(&self, call: &str) -> u8 {
        u8::from(call.is_empty())
    }
    fn within(&self, _: u8, _: &[u8], args: S) -> S {
        args
    }
    fn r#type(&self, r#match: u8) -> u8 {
        r#match
    }
    fn new(&self, context: u8, _: u8, _: u8) -> u8 {
        context
    }
    fn dispatch(&self, _: &[S]) -> u8 {
        0
    }
    fn contract(&self, _: &S) -> u8 {
        0
    }
    fn clone(&self) -> u8 {
        0
    }
    fn from_caller(&self, reply: u8) -> u8 {
        reply
    }
}

impl Private for Impl {
    fn only_the_trait_is_named(&self) {}
}

fn clients(names: &shadowed::NamesClient, by_macro: &ByMacroClient) {
    use rpc_core::CallError;

    let _: Result<u8, CallError> = names.start(1);
    let _: Result<u8, CallError> = names.start.start(1).wait();
    let _: Result<u8, CallError> = names.call("a");
    let _: Result<u8, CallError> = names.call.with_deadline(std::time::Duration::from_secs(1)).r#type(1);
    let _: Result<u8, CallError> = names.clone();
    let _: Result<Vec<u8>, CallError<String>> = by_macro.method(b"a");
}

fn main() {
    let _ = shadowed::NamesServer::new(Impl);
    let _ = PrivateServer::new(Impl);
    let _ = clients;
}
