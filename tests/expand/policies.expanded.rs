//! What `#[rpc]` writes for `policies.rs`. Equal by test; `BLESS=1 cargo test -p rpc-tests --test expand`
//! writes it anew.
//!
//! Policies of methods, and the context that an implementation may ask for.

use rpc_core::{CallContext, rpc};

/// Jobs that run long.
pub(crate) trait Jobs {
    /// Runs a job, and looks now and then whether its caller has gone.
    fn run(&self, cx: &CallContext, job: u64) -> Result<u32, String>;

    /// A page of the log.
    fn log(&self, from: u64) -> Vec<String>;

    /// Who is calling.
    fn caller(&self, cx: &CallContext) -> Option<String>;
}

/// The methods of [`Jobs`] in its order, with their signatures and policies.
static JOBS_METHODS: [::rpc_core::stub::Method; 3] = [
    ::rpc_core::stub::Method::new("Jobs.run", "fn run(job: u64) -> Result<u32, String>")
        .slow()
        .with_context()
        .deadline_ms(120000),
    ::rpc_core::stub::Method::new("Jobs.log", "fn log(from: u64) -> Vec<String>")
        .deadline_ms(250)
        .max_cached_reply(65536),
    ::rpc_core::stub::Method::new("Jobs.caller", "fn caller() -> Option<String>")
        .idempotent()
        .with_context(),
];

/// What [`Jobs`] promises; client and server compare it when they connect.
static JOBS_CONTRACT: ::rpc_core::stub::Contract = ::rpc_core::stub::Contract::new(
    "Jobs",
    &JOBS_METHODS,
);

/// The client of [`Jobs`]: each method is one call to the server, and waits for its reply.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
#[allow(dead_code, reason = "a program may use one side only")]
pub(crate) struct JobsClient {
    /// The same methods, which start their call and do not wait for its reply.
    pub start: JobsStart,
    /// All that is not a method of the service: options, counters, closing.
    pub call: ::rpc_core::stub::Handle<JobsClient>,
}

#[allow(dead_code, reason = "a program may use one side only")]
impl JobsClient {
    /// Connects to a server of [`Jobs`].
    ///
    /// # Errors
    /// When nobody answers there, or what answers does not serve this trait.
    pub fn connect(
        addr: impl ::std::net::ToSocketAddrs,
    ) -> ::core::result::Result<Self, ::rpc_core::stub::ConnectError> {
        ::rpc_core::stub::connect(addr)
    }

    /// Runs a job, and looks now and then whether its caller has gone.
    pub fn run(
        &self,
        job: u64,
    ) -> ::core::result::Result<u32, ::rpc_core::stub::CallError<String>> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Fallible<u32, String>>(&JOBS_METHODS[0], &(job,))
    }

    /// A page of the log.
    pub fn log(
        &self,
        from: u64,
    ) -> ::core::result::Result<Vec<String>, ::rpc_core::stub::CallError> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Plain<Vec<String>>>(&JOBS_METHODS[1], &(from,))
    }

    /// Who is calling.
    pub fn caller(
        &self,
    ) -> ::core::result::Result<Option<String>, ::rpc_core::stub::CallError> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Plain<Option<String>>>(&JOBS_METHODS[2], &())
    }
}

impl ::rpc_core::stub::Client for JobsClient {
    const CONTRACT: &'static ::rpc_core::stub::Contract = &JOBS_CONTRACT;

    fn from_caller(caller: ::rpc_core::stub::Caller) -> Self {
        JobsClient {
            start: JobsStart {
                caller: caller.clone(),
            },
            call: ::rpc_core::stub::Handle::new(caller),
        }
    }
}

/// The methods of [`Jobs`], which start their call and do not wait: [`JobsClient::start`].
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
#[allow(dead_code, reason = "a program may use one side only")]
pub(crate) struct JobsStart {
    caller: ::rpc_core::stub::Caller,
}

#[allow(dead_code, reason = "a program may use one side only")]
impl JobsStart {
    /// Starts without waiting; see [`JobsClient::run`].
    pub fn run(
        &self,
        job: u64,
    ) -> ::rpc_core::stub::Pending<::rpc_core::stub::Fallible<u32, String>> {
        self.caller.start(&JOBS_METHODS[0], &(job,))
    }

    /// Starts without waiting; see [`JobsClient::log`].
    pub fn log(
        &self,
        from: u64,
    ) -> ::rpc_core::stub::Pending<::rpc_core::stub::Plain<Vec<String>>> {
        self.caller.start(&JOBS_METHODS[1], &(from,))
    }

    /// Starts without waiting; see [`JobsClient::caller`].
    pub fn caller(
        &self,
    ) -> ::rpc_core::stub::Pending<::rpc_core::stub::Plain<Option<String>>> {
        self.caller.start(&JOBS_METHODS[2], &())
    }
}

/// Serves an implementation of [`Jobs`]: give it to `serve`.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
#[allow(dead_code, reason = "a program may use one side only")]
pub(crate) struct JobsServer<S: ?::core::marker::Sized> {
    service: ::std::sync::Arc<S>,
}

#[allow(dead_code, reason = "a program may use one side only")]
impl<S> JobsServer<S> {
    /// The service that answers with this implementation of [`Jobs`].
    pub fn new(service: S) -> Self {
        JobsServer {
            service: ::std::sync::Arc::new(service),
        }
    }
}

#[allow(dead_code, reason = "a program may use one side only")]
impl<S: ?::core::marker::Sized> JobsServer<S> {
    /// The same for one that the program keeps a hand on, or that is known only as `Arc<dyn Jobs + Send + Sync>`.
    pub fn shared(service: ::std::sync::Arc<S>) -> Self {
        JobsServer { service }
    }
}

impl<S> ::rpc_core::stub::Service for JobsServer<S>
where
    S: ?::core::marker::Sized + Jobs + ::core::marker::Send + ::core::marker::Sync
        + 'static,
{
    fn contract(&self) -> &'static ::rpc_core::stub::Contract {
        &JOBS_CONTRACT
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
                let (job,): (u64,) = call.arguments()?;
                let context = call.context();
                call.reply_result::<u32, String>(Jobs::run(&*self.service, &context, job))
            }
            1 => {
                let (from,): (u64,) = call.arguments()?;
                call.reply::<Vec<String>>(Jobs::log(&*self.service, from))
            }
            2 => {
                let () = call.arguments()?;
                let context = call.context();
                call.reply::<Option<String>>(Jobs::caller(&*self.service, &context))
            }
            _ => call.no_such_method(),
        }
    }
}
