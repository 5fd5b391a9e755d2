//! The output of `#[rpc]` for `policies.rs`. Equal by test; `BLESS=1 cargo test -p rpc-tests --test expand`
//! writes it anew.
//!
//! Policies of methods, and the context that an implementation may ask for.

use rpc_core::{CallContext, rpc};

/// Jobs that run long.
pub(crate) trait Jobs {
    /// Runs a job, and stops if its caller no longer waits.
    fn run(&self, cx: &CallContext, job: u64) -> Result<u32, String>;

    /// A page of the log.
    fn log(&self, from: u64) -> Vec<String>;

    /// The address of the caller.
    fn caller(&self, cx: &CallContext) -> Option<String>;
}

/// The client of [`Jobs`]: each method makes one call to the server and waits for its reply.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub(crate) struct JobsClient {
    /// The same methods, which start a call and return without waiting for its reply.
    pub start: JobsStart,
    /// The options and the state of the client: deadlines, counters, closing.
    pub call: ::rpc_core::stub::Handle<JobsClient>,
}

/// Starts calls of [`Jobs`] without waiting for their replies: see [`JobsClient::start`].
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub(crate) struct JobsStart {
    caller: ::rpc_core::stub::Caller,
}

/// Serves an implementation of [`Jobs`]: give it to `serve`.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub(crate) struct JobsServer<S: ?::core::marker::Sized> {
    service: ::rpc_core::stub::Arc<S>,
}

/// The stubs of [`Jobs`], in a block, so that their names are not names of the module.
#[allow(dead_code, reason = "a program may use one side only")]
const _: () = {
    use ::rpc_core::stub;

    /// The methods of [`Jobs`] in its order, with their signatures and policies.
    static METHODS: [stub::Method; 3] = [
        stub::Method::new("Jobs.run", "fn run(job: u64) -> Result<u32, String>")
            .docs("Runs a job, and stops if its caller no longer waits.")
            .slow()
            .with_context()
            .deadline_ms(120000)
            .fails_with(stub::error_traits!(String))
            .types(stub::types!((u64,), u32, String)),
        stub::Method::new("Jobs.log", "fn log(from: u64) -> Vec<String>")
            .docs("A page of the log.")
            .deadline_ms(250)
            .max_cached_reply(65536)
            .types(stub::types!((u64,), Vec<String>)),
        stub::Method::new("Jobs.caller", "fn caller() -> Option<String>")
            .docs("The address of the caller.")
            .idempotent()
            .with_context()
            .types(stub::types!((), Option<String>)),
    ];

    /// The formats of the types of [`Jobs`], which are found when they are first asked for.
    static TYPES: stub::TypesOf = stub::TypesOf::new("Jobs", &METHODS);

    /// The contract of [`Jobs`]; client and server compare it when they connect.
    static CONTRACT: stub::Contract = stub::Contract::new("Jobs", &METHODS)
        .with_types(|| TYPES.get())
        .docs("Jobs that run long.");

    /// The index of [`Jobs::run`] in `METHODS`.
    const RUN: usize = 0;
    /// The index of [`Jobs::log`] in `METHODS`.
    const LOG: usize = 1;
    /// The index of [`Jobs::caller`] in `METHODS`.
    const CALLER: usize = 2;

    impl JobsClient {
        /// Connects to a server of [`Jobs`].
        ///
        /// # Errors
        /// Returns an error if no server answers at the address, or if the one that does has no service of this name. It
        /// may have another version of this trait: then it refuses the calls that differ, and runs the others.
        pub fn connect(
            addr: impl stub::Into<stub::Addresses>,
        ) -> stub::Result<Self, stub::ConnectError> {
            stub::connect(addr)
        }

        /// Runs a job, and stops if its caller no longer waits.
        pub fn run(&self, job: u64) -> stub::Result<u32, stub::CallError<String>> {
            self.call.caller().call::<u32, String>(&METHODS[RUN], &(job,))
        }

        /// A page of the log.
        pub fn log(&self, from: u64) -> stub::Result<Vec<String>, stub::CallError> {
            self.call.caller().call::<Vec<String>, stub::Never>(&METHODS[LOG], &(from,))
        }

        /// The address of the caller.
        pub fn caller(&self) -> stub::Result<Option<String>, stub::CallError> {
            self.call.caller().call::<Option<String>, stub::Never>(&METHODS[CALLER], &())
        }
    }

    impl stub::Client for JobsClient {
        const CONTRACT: &'static stub::Contract = &CONTRACT;

        fn from_caller(caller: stub::Caller) -> Self {
            JobsClient {
                start: JobsStart {
                    caller: stub::Clone::clone(&caller),
                },
                call: stub::Handle::new(caller),
            }
        }
    }

    impl JobsStart {
        /// Starts a call without waiting for its reply; see [`JobsClient::run`].
        pub fn run(&self, job: u64) -> stub::Pending<u32, String> {
            self.caller.start::<u32, String>(&METHODS[RUN], &(job,))
        }

        /// Starts a call without waiting for its reply; see [`JobsClient::log`].
        pub fn log(&self, from: u64) -> stub::Pending<Vec<String>> {
            self.caller.start::<Vec<String>, stub::Never>(&METHODS[LOG], &(from,))
        }

        /// Starts a call without waiting for its reply; see [`JobsClient::caller`].
        pub fn caller(&self) -> stub::Pending<Option<String>> {
            self.caller.start::<Option<String>, stub::Never>(&METHODS[CALLER], &())
        }
    }

    impl<S: ?stub::Sized> JobsServer<S> {
        /// Serves this implementation of [`Jobs`].
        pub fn new(service: S) -> Self
        where
            S: stub::Sized,
        {
            JobsServer {
                service: stub::Arc::new(service),
            }
        }

        /// Like `new`, for an implementation that is already shared, or that is known only as `Arc<dyn Jobs + Send + Sync>`.
        pub fn shared(service: stub::Arc<S>) -> Self {
            JobsServer { service }
        }
    }

    impl<S> stub::Service for JobsServer<S>
    where
        S: ?stub::Sized + Jobs + stub::Send + stub::Sync + 'static,
    {
        fn contract(&self) -> &'static stub::Contract {
            &CONTRACT
        }

        fn dispatch(
            &self,
            call: stub::Dispatch<'_>,
        ) -> stub::Result<stub::Dispatched, stub::Refused> {
            match call.method() {
                RUN => {
                    let (job,): (u64,) = call.arguments()?;
                    let context = call.context();
                    call.reply_result::<u32, String>(Jobs::run(&*self.service, &context, job))
                }
                LOG => {
                    let (from,): (u64,) = call.arguments()?;
                    call.reply::<Vec<String>>(Jobs::log(&*self.service, from))
                }
                CALLER => {
                    let () = call.arguments()?;
                    let context = call.context();
                    call.reply::<Option<String>>(Jobs::caller(&*self.service, &context))
                }
                _ => call.no_such_method(),
            }
        }
    }
};
