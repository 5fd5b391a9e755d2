//! What `#[rpc]` writes for `kv.rs`. Equal by test; `BLESS=1 cargo test -p rpc-tests --test expand`
//! writes it anew.
//!
//! The key-value service: arguments by reference, and an error of its own.

use rpc_core::rpc;
use serde::{Deserialize, Serialize};

/// Why a key has no value.
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

/// The methods of [`Kv`] in its order, with their signatures and policies.
static KV_METHODS: [::rpc_core::stub::Method; 2] = [
    ::rpc_core::stub::Method::new(
            "Kv.get",
            "fn get(key: &str) -> Result<String, KvError>",
        )
        .idempotent(),
    ::rpc_core::stub::Method::new(
        "Kv.put",
        "fn put(key: &str, value: &str) -> Result<(), KvError>",
    ),
];

/// What [`Kv`] promises; client and server compare it when they connect.
static KV_CONTRACT: ::rpc_core::stub::Contract = ::rpc_core::stub::Contract::new(
    "Kv",
    &KV_METHODS,
);

/// The client of [`Kv`]: each method is one call to the server, and waits for its reply.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
#[allow(dead_code, reason = "a program may use one side only")]
pub struct KvClient {
    /// The same methods, which start their call and do not wait for its reply.
    pub start: KvStart,
    /// All that is not a method of the service: options, counters, closing.
    pub call: ::rpc_core::stub::Handle<KvClient>,
}

#[allow(dead_code, reason = "a program may use one side only")]
impl KvClient
where
    for<'a> KvError: ::rpc_core::stub::Returnable<'a>,
{
    /// Connects to a server of [`Kv`].
    ///
    /// # Errors
    /// When nobody answers there, or what answers does not serve this trait.
    pub fn connect(
        addr: impl ::std::net::ToSocketAddrs,
    ) -> ::core::result::Result<Self, ::rpc_core::stub::ConnectError> {
        ::rpc_core::stub::connect(addr)
    }

    /// The value of a key.
    pub fn get(
        &self,
        key: &str,
    ) -> ::core::result::Result<String, ::rpc_core::stub::CallError<KvError>> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Fallible<String, KvError>>(&KV_METHODS[0], &(key,))
    }

    /// Gives a key a value.
    pub fn put(
        &self,
        key: &str,
        value: &str,
    ) -> ::core::result::Result<(), ::rpc_core::stub::CallError<KvError>> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Fallible<(), KvError>>(&KV_METHODS[1], &(key, value))
    }
}

impl ::rpc_core::stub::Client for KvClient {
    const CONTRACT: &'static ::rpc_core::stub::Contract = &KV_CONTRACT;

    fn from_caller(caller: ::rpc_core::stub::Caller) -> Self {
        KvClient {
            start: KvStart { caller: caller.clone() },
            call: ::rpc_core::stub::Handle::new(caller),
        }
    }
}

/// The methods of [`Kv`], which start their call and do not wait: [`KvClient::start`].
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
#[allow(dead_code, reason = "a program may use one side only")]
pub struct KvStart {
    caller: ::rpc_core::stub::Caller,
}

#[allow(dead_code, reason = "a program may use one side only")]
impl KvStart
where
    for<'a> KvError: ::rpc_core::stub::Returnable<'a>,
{
    /// Starts without waiting; see [`KvClient::get`].
    pub fn get(
        &self,
        key: &str,
    ) -> ::rpc_core::stub::Pending<::rpc_core::stub::Fallible<String, KvError>> {
        self.caller.start(&KV_METHODS[0], &(key,))
    }

    /// Starts without waiting; see [`KvClient::put`].
    pub fn put(
        &self,
        key: &str,
        value: &str,
    ) -> ::rpc_core::stub::Pending<::rpc_core::stub::Fallible<(), KvError>> {
        self.caller.start(&KV_METHODS[1], &(key, value))
    }
}

/// Serves an implementation of [`Kv`]: give it to `serve`.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
#[allow(dead_code, reason = "a program may use one side only")]
pub struct KvServer<S: ?::core::marker::Sized> {
    service: ::std::sync::Arc<S>,
}

#[allow(dead_code, reason = "a program may use one side only")]
impl<S> KvServer<S> {
    /// The service that answers with this implementation of [`Kv`].
    pub fn new(service: S) -> Self {
        KvServer {
            service: ::std::sync::Arc::new(service),
        }
    }
}

#[allow(dead_code, reason = "a program may use one side only")]
impl<S: ?::core::marker::Sized> KvServer<S> {
    /// The same for one that the program keeps a hand on, or that is known only as `Arc<dyn Kv + Send + Sync>`.
    pub fn shared(service: ::std::sync::Arc<S>) -> Self {
        KvServer { service }
    }
}

impl<S> ::rpc_core::stub::Service for KvServer<S>
where
    S: ?::core::marker::Sized + Kv + ::core::marker::Send + ::core::marker::Sync
        + 'static,
    for<'a> KvError: ::rpc_core::stub::Returnable<'a>,
{
    fn contract(&self) -> &'static ::rpc_core::stub::Contract {
        &KV_CONTRACT
    }

    fn dispatch(
        &self,
        call: ::rpc_core::stub::Dispatch<'_>,
    ) -> ::core::result::Result<
        ::rpc_core::stub::Dispatched,
        ::rpc_core::stub::Refused,
    > {
        match call.method() {
            0 => {
                let (key,): (&str,) = call.arguments()?;
                call.reply_result::<String, KvError>(Kv::get(&*self.service, key))
            }
            1 => {
                let (key, value): (&str, &str) = call.arguments()?;
                call.reply_result::<(), KvError>(Kv::put(&*self.service, key, value))
            }
            _ => call.no_such_method(),
        }
    }
}

/// Asks for serde's traits on what travels: a type that lacks them is one error, at its place above.
const _: fn() = || {
    ::rpc_core::stub::returnable::<KvError>();
};
