//! The output of `#[rpc]` for `kv.rs`. Equal by test; `BLESS=1 cargo test -p rpc-tests --test expand`
//! writes it anew.
//!
//! The key-value service: arguments by reference, and an error of its own.

use rpc_core::rpc;
use serde::{Deserialize, Serialize};

/// The reason why a key has no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KvError {
    /// It never had one.
    NotFound,
}

/// Keys and their values.
pub trait Kv {
    /// The value of a key.
    fn get(&self, key: &str) -> Result<String, KvError>;

    /// Gives a key a value.
    fn put(&self, key: &str, value: &str) -> Result<(), KvError>;
}

/// The client of [`Kv`]: each method makes one call to the server and waits for its reply.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct KvClient {
    /// The same methods, which start a call and return without waiting for its reply.
    pub start: KvStart,
    /// The options and the state of the client: deadlines, counters, closing.
    pub call: ::rpc_core::stub::Handle<KvClient>,
}

/// Starts calls of [`Kv`] without waiting for their replies: see [`KvClient::start`].
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct KvStart {
    caller: ::rpc_core::stub::Caller,
}

/// Serves an implementation of [`Kv`]: give it to `serve`.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct KvServer<S: ?::core::marker::Sized> {
    service: ::rpc_core::stub::Arc<S>,
}

/// The stubs of [`Kv`], in a block, so that their names are not names of the module.
#[allow(dead_code, reason = "a program may use one side only")]
const _: () = {
    use ::rpc_core::stub;

    /// The methods of [`Kv`] in its order, with their signatures and policies.
    static METHODS: [stub::Method; 2] = [
        stub::Method::new("Kv.get", "fn get(key: &str) -> Result<String, KvError>")
            .docs("The value of a key.")
            .idempotent()
            .fails_with(stub::error_traits!(KvError))
            .types(stub::types!((&str,), String, KvError)),
        stub::Method::new("Kv.put", "fn put(key: &str, value: &str) -> Result<(), KvError>")
            .docs("Gives a key a value.")
            .fails_with(stub::error_traits!(KvError))
            .types(stub::types!((&str, &str), (), KvError)),
    ];

    /// The formats of the types of [`Kv`], which are found when they are first asked for.
    static TYPES: stub::TypesOf = stub::TypesOf::new("Kv", &METHODS);

    /// The contract of [`Kv`]; client and server compare it when they connect.
    static CONTRACT: stub::Contract = stub::Contract::new("Kv", &METHODS)
        .with_types(|| TYPES.get())
        .docs("Keys and their values.");

    /// The index of [`Kv::get`] in `METHODS`.
    const GET: usize = 0;
    /// The index of [`Kv::put`] in `METHODS`.
    const PUT: usize = 1;

    impl KvClient
    where
        for<'a> KvError: stub::Returnable<'a>,
    {
        /// Connects to a server of [`Kv`].
        ///
        /// # Errors
        /// Returns an error if no server answers at the address, or if the one that does has no service of this name. It
        /// may have another version of this trait: then it refuses the calls that differ, and runs the others.
        pub fn connect(
            addr: impl stub::Into<stub::Addresses>,
        ) -> stub::Result<Self, stub::ConnectError> {
            stub::connect(addr)
        }

        /// The value of a key.
        pub fn get(&self, key: &str) -> stub::Result<String, stub::CallError<KvError>> {
            self.call.caller().call::<String, KvError>(&METHODS[GET], &(key,))
        }

        /// Gives a key a value.
        pub fn put(
            &self,
            key: &str,
            value: &str,
        ) -> stub::Result<(), stub::CallError<KvError>> {
            self.call.caller().call::<(), KvError>(&METHODS[PUT], &(key, value))
        }
    }

    impl stub::Client for KvClient {
        const CONTRACT: &'static stub::Contract = &CONTRACT;

        fn from_caller(caller: stub::Caller) -> Self {
            KvClient {
                start: KvStart {
                    caller: stub::Clone::clone(&caller),
                },
                call: stub::Handle::new(caller),
            }
        }
    }

    impl KvStart
    where
        for<'a> KvError: stub::Returnable<'a>,
    {
        /// Starts a call without waiting for its reply; see [`KvClient::get`].
        pub fn get(&self, key: &str) -> stub::Pending<String, KvError> {
            self.caller.start::<String, KvError>(&METHODS[GET], &(key,))
        }

        /// Starts a call without waiting for its reply; see [`KvClient::put`].
        pub fn put(&self, key: &str, value: &str) -> stub::Pending<(), KvError> {
            self.caller.start::<(), KvError>(&METHODS[PUT], &(key, value))
        }
    }

    impl<S: ?stub::Sized> KvServer<S> {
        /// Serves this implementation of [`Kv`].
        pub fn new(service: S) -> Self
        where
            S: stub::Sized,
        {
            KvServer {
                service: stub::Arc::new(service),
            }
        }

        /// Like `new`, for an implementation that is already shared, or that is known only as `Arc<dyn Kv + Send + Sync>`.
        pub fn shared(service: stub::Arc<S>) -> Self {
            KvServer { service }
        }
    }

    impl<S> stub::Service for KvServer<S>
    where
        S: ?stub::Sized + Kv + stub::Send + stub::Sync + 'static,
        for<'a> KvError: stub::Returnable<'a>,
    {
        fn contract(&self) -> &'static stub::Contract {
            &CONTRACT
        }

        fn dispatch(
            &self,
            call: stub::Dispatch<'_>,
        ) -> stub::Result<stub::Dispatched, stub::Refused> {
            match call.method() {
                GET => {
                    let (key,): (&str,) = call.arguments()?;
                    call.reply_result::<String, KvError>(Kv::get(&*self.service, key))
                }
                PUT => {
                    let (key, value): (&str, &str) = call.arguments()?;
                    call.reply_result::<(), KvError>(Kv::put(&*self.service, key, value))
                }
                _ => call.no_such_method(),
            }
        }
    }

    /// Checks that these types implement serde's traits: one that does not is one error, at its place in the trait.
    const _: fn() = || {
        stub::failure::<KvError>();
    };
};
