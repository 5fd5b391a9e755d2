//! What `#[rpc]` writes for `plain.rs`. Equal by test; `BLESS=1 cargo test -p rpc-tests --test expand`
//! writes it anew.
//!
//! Methods that cannot fail by themselves, without documentation, and names that meet those of the stubs.

use rpc_core::rpc;

pub trait PlainReturns {
    fn ping(&self);

    fn add(&self, a: u32, b: u32) -> u32;

    fn call(&self, call: String) -> Vec<String>;

    fn r#type(&self, r#match: &str) -> (u8, [bool; 2]);
}

/// The methods of [`PlainReturns`] in its order, with their signatures and policies.
static PLAIN_RETURNS_METHODS: [::rpc_core::stub::Method; 4] = [
    ::rpc_core::stub::Method::new("PlainReturns.ping", "fn ping()"),
    ::rpc_core::stub::Method::new("PlainReturns.add", "fn add(a: u32, b: u32) -> u32"),
    ::rpc_core::stub::Method::new(
        "PlainReturns.call",
        "fn call(call: String) -> Vec<String>",
    ),
    ::rpc_core::stub::Method::new(
        "PlainReturns.type",
        "fn type(match: &str) -> (u8, [bool; 2])",
    ),
];

/// What [`PlainReturns`] promises; client and server compare it when they connect.
static PLAIN_RETURNS_CONTRACT: ::rpc_core::stub::Contract = ::rpc_core::stub::Contract::new(
    "PlainReturns",
    &PLAIN_RETURNS_METHODS,
);

/// The client of [`PlainReturns`]: each method is one call to the server, and waits for its reply.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
#[allow(dead_code, reason = "a program may use one side only")]
pub struct PlainReturnsClient {
    /// The same methods, which start their call and do not wait for its reply.
    pub start: PlainReturnsStart,
    /// All that is not a method of the service: options, counters, closing.
    pub call: ::rpc_core::stub::Handle<PlainReturnsClient>,
}

#[allow(dead_code, reason = "a program may use one side only")]
impl PlainReturnsClient {
    /// Connects to a server of [`PlainReturns`].
    ///
    /// # Errors
    /// When nobody answers there, or what answers does not serve this trait.
    pub fn connect(
        addr: impl ::std::net::ToSocketAddrs,
    ) -> ::core::result::Result<Self, ::rpc_core::stub::ConnectError> {
        ::rpc_core::stub::connect(addr)
    }

    /// Calls `PlainReturns.ping` and waits for its reply.
    pub fn ping(&self) -> ::core::result::Result<(), ::rpc_core::stub::CallError> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Plain<()>>(&PLAIN_RETURNS_METHODS[0], &())
    }

    /// Calls `PlainReturns.add` and waits for its reply.
    pub fn add(
        &self,
        a: u32,
        b: u32,
    ) -> ::core::result::Result<u32, ::rpc_core::stub::CallError> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Plain<u32>>(&PLAIN_RETURNS_METHODS[1], &(a, b))
    }

    /// Calls `PlainReturns.call` and waits for its reply.
    pub fn call(
        &self,
        call: String,
    ) -> ::core::result::Result<Vec<String>, ::rpc_core::stub::CallError> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Plain<Vec<String>>>(&PLAIN_RETURNS_METHODS[2], &(call,))
    }

    /// Calls `PlainReturns.type` and waits for its reply.
    pub fn r#type(
        &self,
        r#match: &str,
    ) -> ::core::result::Result<(u8, [bool; 2]), ::rpc_core::stub::CallError> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Plain<(u8, [bool; 2])>>(&PLAIN_RETURNS_METHODS[3], &(r#match,))
    }
}

impl ::rpc_core::stub::Client for PlainReturnsClient {
    const CONTRACT: &'static ::rpc_core::stub::Contract = &PLAIN_RETURNS_CONTRACT;

    fn from_caller(caller: ::rpc_core::stub::Caller) -> Self {
        PlainReturnsClient {
            start: PlainReturnsStart {
                caller: caller.clone(),
            },
            call: ::rpc_core::stub::Handle::new(caller),
        }
    }
}

/// The methods of [`PlainReturns`], which start their call and do not wait: [`PlainReturnsClient::start`].
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
#[allow(dead_code, reason = "a program may use one side only")]
pub struct PlainReturnsStart {
    caller: ::rpc_core::stub::Caller,
}

#[allow(dead_code, reason = "a program may use one side only")]
impl PlainReturnsStart {
    /// Starts without waiting; see [`PlainReturnsClient::ping`].
    pub fn ping(&self) -> ::rpc_core::stub::Pending<::rpc_core::stub::Plain<()>> {
        self.caller.start(&PLAIN_RETURNS_METHODS[0], &())
    }

    /// Starts without waiting; see [`PlainReturnsClient::add`].
    pub fn add(
        &self,
        a: u32,
        b: u32,
    ) -> ::rpc_core::stub::Pending<::rpc_core::stub::Plain<u32>> {
        self.caller.start(&PLAIN_RETURNS_METHODS[1], &(a, b))
    }

    /// Starts without waiting; see [`PlainReturnsClient::call`].
    pub fn call(
        &self,
        call: String,
    ) -> ::rpc_core::stub::Pending<::rpc_core::stub::Plain<Vec<String>>> {
        self.caller.start(&PLAIN_RETURNS_METHODS[2], &(call,))
    }

    /// Starts without waiting; see [`PlainReturnsClient::r#type`].
    pub fn r#type(
        &self,
        r#match: &str,
    ) -> ::rpc_core::stub::Pending<::rpc_core::stub::Plain<(u8, [bool; 2])>> {
        self.caller.start(&PLAIN_RETURNS_METHODS[3], &(r#match,))
    }
}

/// Serves an implementation of [`PlainReturns`]: give it to `serve`.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
#[allow(dead_code, reason = "a program may use one side only")]
pub struct PlainReturnsServer<S: ?::core::marker::Sized> {
    service: ::std::sync::Arc<S>,
}

#[allow(dead_code, reason = "a program may use one side only")]
impl<S> PlainReturnsServer<S> {
    /// The service that answers with this implementation of [`PlainReturns`].
    pub fn new(service: S) -> Self {
        PlainReturnsServer {
            service: ::std::sync::Arc::new(service),
        }
    }
}

#[allow(dead_code, reason = "a program may use one side only")]
impl<S: ?::core::marker::Sized> PlainReturnsServer<S> {
    /// The same for one that the program keeps a hand on, or that is known only as `Arc<dyn PlainReturns + Send + Sync>`.
    pub fn shared(service: ::std::sync::Arc<S>) -> Self {
        PlainReturnsServer { service }
    }
}

impl<S> ::rpc_core::stub::Service for PlainReturnsServer<S>
where
    S: ?::core::marker::Sized + PlainReturns + ::core::marker::Send
        + ::core::marker::Sync + 'static,
{
    fn contract(&self) -> &'static ::rpc_core::stub::Contract {
        &PLAIN_RETURNS_CONTRACT
    }

    fn dispatch(
        &self,
        call_: ::rpc_core::stub::Dispatch<'_>,
    ) -> ::core::result::Result<
        ::rpc_core::stub::Dispatched,
        ::rpc_core::stub::Refused,
    > {
        match call_.method() {
            0 => {
                let () = call_.arguments()?;
                PlainReturns::ping(&*self.service);
                call_.reply::<()>(())
            }
            1 => {
                let (a, b): (u32, u32) = call_.arguments()?;
                call_.reply::<u32>(PlainReturns::add(&*self.service, a, b))
            }
            2 => {
                let (call,): (String,) = call_.arguments()?;
                call_.reply::<Vec<String>>(PlainReturns::call(&*self.service, call))
            }
            3 => {
                let (r#match,): (&str,) = call_.arguments()?;
                call_
                    .reply::<(u8, [bool; 2])>(PlainReturns::r#type(&*self.service, r#match))
            }
            _ => call_.no_such_method(),
        }
    }
}
