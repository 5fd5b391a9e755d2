//! Each place where a trait may be written, and what its stubs must see from there.
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub, clippy::all, clippy::pedantic)]
#![allow(clippy::must_use_candidate, clippy::items_after_statements)]

use rpc_core::{Pending, rpc};
use serde::{Deserialize, Serialize};

/// In the module that holds the traits below.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Doc;

pub mod api {
    //! Several traits in one module, whose types are named by relative paths.

    pub mod inner {
        //! A module beside the traits.

        /// Named by a path that begins where the trait is.
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
        pub struct Doc;
    }

    /// The first.
    #[rpc_core::rpc]
    pub trait First {
        /// Paths that would mean something else one module deeper.
        fn get(&self, a: &super::Doc, b: self::inner::Doc, c: inner::Doc) -> Result<super::Doc, crate::Doc>;
    }

    /// The second, with a method of the same name.
    #[rpc_core::rpc]
    pub trait Second {
        /// A method.
        fn get(&self) -> inner::Doc;
    }

    #[rpc_core::rpc]
    pub(super) trait ForTheParent {
        fn get(&self);
    }

    #[rpc_core::rpc]
    pub(in crate::api) trait ForThisModule {
        fn get(&self) -> u8;
    }

    fn stored(client: &ForThisModuleClient) -> Option<rpc_core::Pending<u8>> {
        Some(client.start.get())
    }

    const _: fn(&ForThisModuleClient) -> Option<rpc_core::Pending<u8>> = stored;
}

/// Types and a module named like what the stubs use.
pub mod same_names {
    use serde::{Deserialize, Serialize};

    macro_rules! types {
        ($($name:ident)*) => {
            $(
                /// Named like a type of the runtime.
                #[derive(Debug, Clone, Serialize, Deserialize)]
                pub struct $name;
            )*
        };
    }

    types!(Method Contract Client Handle Caller Pending CallError Never Dispatch Dispatched Refused Service Arc Bytes);

    pub mod stub {
        //! Named like the module that the stubs import.

        /// A type in it.
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
        pub struct Method;
    }

    /// Named like a constant of the stubs.
    pub const GET: usize = 2;
    /// Named like a static of the stubs.
    pub const METHODS: usize = 3;

    /// All of them, sent and returned.
    #[rpc_core::rpc]
    pub trait Names {
        /// Names of types.
        fn types(&self, a: Method, b: &Contract, c: &[Client], d: Handle, e: Caller) -> Result<Pending, CallError>;
        /// More of them.
        fn more(&self, a: Never, b: Dispatch, c: Dispatched, d: Refused, e: Service, f: Arc) -> Bytes;
        /// Names of constants and of the module.
        fn get(&self, a: [u8; GET], stub: stub::Method) -> [u8; METHODS];
        /// Constants of the stubs that would be the same.
        fn get_all(&self);
        /// The other.
        #[allow(non_snake_case)]
        fn getAll(&self);
    }
}

trait Runs {
    fn run(&self) -> bool;
}

/// With a trait in a method's body.
struct Host;

impl Runs for Host {
    fn run(&self) -> bool {
        #[derive(Debug, Clone, Serialize, Deserialize)]
        struct Local(u8);

        #[rpc]
        trait InMethod {
            fn get(&self, local: &Local) -> Result<Local, Local>;
        }

        struct Impl;

        impl InMethod for Impl {
            fn get(&self, local: &Local) -> Result<Local, Local> {
                Ok(local.clone())
            }
        }

        let kv: InMethodClient = rpc_sim::in_process(InMethodServer::new(Impl));
        let pending: Pending<Local, Local> = kv.start.get(&Local(7));
        matches!(pending.wait(), Ok(Local(7)))
    }
}

/// With traits in closures and blocks, one of them written by a macro.
fn in_blocks() {
    macro_rules! local_service {
        ($name:ident, $client:ident, $ty:ty) => {{
            #[rpc]
            trait $name {
                fn get(&self, key: $ty) -> $ty;
            }
            std::mem::size_of::<$client>()
        }};
    }

    #[derive(Serialize, Deserialize)]
    struct Key(u8);

    let in_closure = || local_service!(Inner, InnerClient, Key);
    assert_eq!(in_closure(), local_service!(Inner, InnerClient, u8));

    {
        #[rpc]
        trait InBlock {
            fn get(&self, key: &Key);
        }
        fn call(client: &InBlockClient) {
            client.get(&Key(1)).expect("a server");
        }
        let _ = call;
    }
    let _ = Key(1).0;
}

const IN_A_CONSTANT: usize = {
    #[rpc]
    trait InConstant {
        fn get(&self) -> u8;
    }
    std::mem::size_of::<InConstantStart>()
};

fn main() {
    assert!(Host.run());
    in_blocks();
    assert!(IN_A_CONSTANT > 0);
    let _ = <api::ForTheParentClient as rpc_core::Client>::CONTRACT;
}
