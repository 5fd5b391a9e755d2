//! The output of `#[rpc]` for `plain.rs`. Equal by test; `BLESS=1 cargo test -p rpc-tests --test expand`
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

/// The client of [`PlainReturns`]: each method makes one call to the server and waits for its reply.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct PlainReturnsClient {
    /// The same methods, which start a call and return without waiting for its reply.
    pub start: PlainReturnsStart,
    /// The options and the state of the client: deadlines, counters, closing.
    pub call: ::rpc_core::stub::Handle<PlainReturnsClient>,
}

/// Starts calls of [`PlainReturns`] without waiting for their replies: see [`PlainReturnsClient::start`].
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct PlainReturnsStart {
    caller: ::rpc_core::stub::Caller,
}

/// Serves an implementation of [`PlainReturns`]: give it to `serve`.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct PlainReturnsServer<S: ?::core::marker::Sized> {
    service: ::rpc_core::stub::Arc<S>,
}

/// The stubs of [`PlainReturns`], in a block, so that their names are not names of the module.
#[allow(dead_code, reason = "a program may use one side only")]
const _: () = {
    use ::rpc_core::stub;

    /// The methods of [`PlainReturns`] in its order, with their signatures and policies.
    static METHODS: [stub::Method; 4] = [
        stub::Method::new("PlainReturns.ping", "fn ping()").types(stub::types!((), ())),
        stub::Method::new("PlainReturns.add", "fn add(a: u32, b: u32) -> u32")
            .types(stub::types!((u32, u32), u32)),
        stub::Method::new("PlainReturns.call", "fn call(call: String) -> Vec<String>")
            .types(stub::types!((String,), Vec<String>)),
        stub::Method::new("PlainReturns.type", "fn type(match: &str) -> (u8, [bool; 2])")
            .types(stub::types!((&str,), (u8, [bool; 2]))),
    ];

    /// The formats of the types of [`PlainReturns`], which are found when they are first asked for.
    static TYPES: stub::TypesOf = stub::TypesOf::new("PlainReturns", &METHODS);

    /// The contract of [`PlainReturns`]; client and server compare it when they connect.
    static CONTRACT: stub::Contract = stub::Contract::new("PlainReturns", &METHODS)
        .with_types(|| TYPES.get());

    /// The index of [`PlainReturns::ping`] in `METHODS`.
    const PING: usize = 0;
    /// The index of [`PlainReturns::add`] in `METHODS`.
    const ADD: usize = 1;
    /// The index of [`PlainReturns::call`] in `METHODS`.
    const CALL: usize = 2;
    /// The index of [`PlainReturns::r#type`] in `METHODS`.
    const TYPE: usize = 3;

    impl PlainReturnsClient {
        /// Connects to a server of [`PlainReturns`].
        ///
        /// # Errors
        /// Returns an error if no server answers at the address, or if the one that does has no service of this name. It
        /// may have another version of this trait: then it refuses the calls that differ, and runs the others.
        pub fn connect(
            addr: impl stub::Into<stub::Addresses>,
        ) -> stub::Result<Self, stub::ConnectError> {
            stub::connect(addr)
        }

        /// Calls `PlainReturns.ping` and waits for its reply.
        pub fn ping(&self) -> stub::Result<(), stub::CallError> {
            self.call.caller().call::<(), stub::Never>(&METHODS[PING], &())
        }

        /// Calls `PlainReturns.add` and waits for its reply.
        pub fn add(&self, a: u32, b: u32) -> stub::Result<u32, stub::CallError> {
            self.call.caller().call::<u32, stub::Never>(&METHODS[ADD], &(a, b))
        }

        /// Calls `PlainReturns.call` and waits for its reply.
        pub fn call(&self, call: String) -> stub::Result<Vec<String>, stub::CallError> {
            self.call.caller().call::<Vec<String>, stub::Never>(&METHODS[CALL], &(call,))
        }

        /// Calls `PlainReturns.type` and waits for its reply.
        pub fn r#type(
            &self,
            r#match: &str,
        ) -> stub::Result<(u8, [bool; 2]), stub::CallError> {
            self.call
                .caller()
                .call::<(u8, [bool; 2]), stub::Never>(&METHODS[TYPE], &(r#match,))
        }
    }

    impl stub::Client for PlainReturnsClient {
        const CONTRACT: &'static stub::Contract = &CONTRACT;

        fn from_caller(caller: stub::Caller) -> Self {
            PlainReturnsClient {
                start: PlainReturnsStart {
                    caller: stub::Clone::clone(&caller),
                },
                call: stub::Handle::new(caller),
            }
        }
    }

    impl PlainReturnsStart {
        /// Starts a call without waiting for its reply; see [`PlainReturnsClient::ping`].
        pub fn ping(&self) -> stub::Pending<()> {
            self.caller.start::<(), stub::Never>(&METHODS[PING], &())
        }

        /// Starts a call without waiting for its reply; see [`PlainReturnsClient::add`].
        pub fn add(&self, a: u32, b: u32) -> stub::Pending<u32> {
            self.caller.start::<u32, stub::Never>(&METHODS[ADD], &(a, b))
        }

        /// Starts a call without waiting for its reply; see [`PlainReturnsClient::call`].
        pub fn call(&self, call: String) -> stub::Pending<Vec<String>> {
            self.caller.start::<Vec<String>, stub::Never>(&METHODS[CALL], &(call,))
        }

        /// Starts a call without waiting for its reply; see [`PlainReturnsClient::r#type`].
        pub fn r#type(&self, r#match: &str) -> stub::Pending<(u8, [bool; 2])> {
            self.caller
                .start::<(u8, [bool; 2]), stub::Never>(&METHODS[TYPE], &(r#match,))
        }
    }

    impl<S: ?stub::Sized> PlainReturnsServer<S> {
        /// Serves this implementation of [`PlainReturns`].
        pub fn new(service: S) -> Self
        where
            S: stub::Sized,
        {
            PlainReturnsServer {
                service: stub::Arc::new(service),
            }
        }

        /// Like `new`, for an implementation that is already shared, or that is known only as `Arc<dyn PlainReturns + Send + Sync>`.
        pub fn shared(service: stub::Arc<S>) -> Self {
            PlainReturnsServer { service }
        }
    }

    impl<S> stub::Service for PlainReturnsServer<S>
    where
        S: ?stub::Sized + PlainReturns + stub::Send + stub::Sync + 'static,
    {
        fn contract(&self) -> &'static stub::Contract {
            &CONTRACT
        }

        fn dispatch(
            &self,
            call_: stub::Dispatch<'_>,
        ) -> stub::Result<stub::Dispatched, stub::Refused> {
            match call_.method() {
                PING => {
                    let () = call_.arguments()?;
                    PlainReturns::ping(&*self.service);
                    call_.reply::<()>(())
                }
                ADD => {
                    let (a, b): (u32, u32) = call_.arguments()?;
                    call_.reply::<u32>(PlainReturns::add(&*self.service, a, b))
                }
                CALL => {
                    let (call,): (String,) = call_.arguments()?;
                    call_.reply::<Vec<String>>(PlainReturns::call(&*self.service, call))
                }
                TYPE => {
                    let (r#match,): (&str,) = call_.arguments()?;
                    call_
                        .reply::<(u8, [bool; 2])>(PlainReturns::r#type(&*self.service, r#match))
                }
                _ => call_.no_such_method(),
            }
        }
    }
};
