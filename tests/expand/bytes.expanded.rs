//! What `#[rpc]` writes for `bytes.rs`. Equal by test; `BLESS=1 cargo test -p rpc-tests --test expand`
//! writes it anew.
//!
//! Bytes, which travel as bytes; slices; and types of the user, lent and owned.

use rpc_core::rpc;
use serde::{Deserialize, Serialize};

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where it starts.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
}

/// Files.
pub trait Files {
    /// Stores bytes that the caller lends.
    fn store(&self, name: &str, bytes: &[u8]) -> u64;

    /// Stores bytes that the caller gives away.
    fn give(&self, bytes: Vec<u8>) -> u64;

    /// Reads one part.
    fn read(&self, name: &str, part: &Part) -> Result<Vec<u8>, String>;

    /// All bytes of some files, one after the other.
    fn all(&self, names: &[&str]) -> Vec<u8>;

    /// The parts that are missing.
    fn missing(
        &self,
        parts: &[Part],
        after: Option<&str>,
        limit: Option<Part>,
    ) -> Vec<Part>;

    /// Reads a file, if it is there.
    fn find(&self, name: &str) -> Option<Vec<u8>>;
}

/// The methods of [`Files`] in its order, with their signatures and policies.
static FILES_METHODS: [::rpc_core::stub::Method; 6] = [
    ::rpc_core::stub::Method::new(
        "Files.store",
        "fn store(name: &str, bytes: &[u8]) -> u64",
    ),
    ::rpc_core::stub::Method::new("Files.give", "fn give(bytes: Vec<u8>) -> u64"),
    ::rpc_core::stub::Method::new(
        "Files.read",
        "fn read(name: &str, part: &Part) -> Result<Vec<u8>, String>",
    ),
    ::rpc_core::stub::Method::new("Files.all", "fn all(names: &[&str]) -> Vec<u8>"),
    ::rpc_core::stub::Method::new(
        "Files.missing",
        "fn missing(parts: &[Part], after: Option<&str>, limit: Option<Part>) -> Vec<Part>",
    ),
    ::rpc_core::stub::Method::new("Files.find", "fn find(name: &str) -> Option<Vec<u8>>"),
];

/// What [`Files`] promises; client and server compare it when they connect.
static FILES_CONTRACT: ::rpc_core::stub::Contract = ::rpc_core::stub::Contract::new(
    "Files",
    &FILES_METHODS,
);

/// The client of [`Files`]: each method is one call to the server, and waits for its reply.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
#[allow(dead_code, reason = "a program may use one side only")]
pub struct FilesClient {
    /// The same methods, which start their call and do not wait for its reply.
    pub start: FilesStart,
    /// All that is not a method of the service: options, counters, closing.
    pub call: ::rpc_core::stub::Handle<FilesClient>,
}

#[allow(dead_code, reason = "a program may use one side only")]
impl FilesClient
where
    for<'a> Part: ::rpc_core::stub::Argument<'a>,
{
    /// Connects to a server of [`Files`].
    ///
    /// # Errors
    /// When nobody answers there, or what answers does not serve this trait.
    pub fn connect(
        addr: impl ::std::net::ToSocketAddrs,
    ) -> ::core::result::Result<Self, ::rpc_core::stub::ConnectError> {
        ::rpc_core::stub::connect(addr)
    }

    /// Stores bytes that the caller lends.
    pub fn store(
        &self,
        name: &str,
        bytes: &[u8],
    ) -> ::core::result::Result<u64, ::rpc_core::stub::CallError> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Plain<u64>>(&FILES_METHODS[0], &(name, ::rpc_core::stub::Bytes::new(bytes)))
    }

    /// Stores bytes that the caller gives away.
    pub fn give(
        &self,
        bytes: Vec<u8>,
    ) -> ::core::result::Result<u64, ::rpc_core::stub::CallError> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Plain<u64>>(&FILES_METHODS[1], &(::rpc_core::stub::Bytes::new(&bytes),))
    }

    /// Reads one part.
    pub fn read(
        &self,
        name: &str,
        part: &Part,
    ) -> ::core::result::Result<Vec<u8>, ::rpc_core::stub::CallError<String>> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Fallible<::rpc_core::stub::Blob, String>>(&FILES_METHODS[2], &(name, part))
    }

    /// All bytes of some files, one after the other.
    pub fn all(
        &self,
        names: &[&str],
    ) -> ::core::result::Result<Vec<u8>, ::rpc_core::stub::CallError> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Plain<::rpc_core::stub::Blob>>(&FILES_METHODS[3], &(names,))
    }

    /// The parts that are missing.
    pub fn missing(
        &self,
        parts: &[Part],
        after: Option<&str>,
        limit: Option<Part>,
    ) -> ::core::result::Result<Vec<Part>, ::rpc_core::stub::CallError> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Plain<Vec<Part>>>(&FILES_METHODS[4], &(parts, after, limit))
    }

    /// Reads a file, if it is there.
    pub fn find(
        &self,
        name: &str,
    ) -> ::core::result::Result<Option<Vec<u8>>, ::rpc_core::stub::CallError> {
        self.call
            .caller()
            .call::<::rpc_core::stub::Plain<::rpc_core::stub::MaybeBlob>>(&FILES_METHODS[5], &(name,))
    }
}

impl ::rpc_core::stub::Client for FilesClient {
    const CONTRACT: &'static ::rpc_core::stub::Contract = &FILES_CONTRACT;

    fn from_caller(caller: ::rpc_core::stub::Caller) -> Self {
        FilesClient {
            start: FilesStart {
                caller: caller.clone(),
            },
            call: ::rpc_core::stub::Handle::new(caller),
        }
    }
}

/// The methods of [`Files`], which start their call and do not wait: [`FilesClient::start`].
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
#[allow(dead_code, reason = "a program may use one side only")]
pub struct FilesStart {
    caller: ::rpc_core::stub::Caller,
}

#[allow(dead_code, reason = "a program may use one side only")]
impl FilesStart
where
    for<'a> Part: ::rpc_core::stub::Argument<'a>,
{
    /// Starts without waiting; see [`FilesClient::store`].
    pub fn store(
        &self,
        name: &str,
        bytes: &[u8],
    ) -> ::rpc_core::stub::Pending<::rpc_core::stub::Plain<u64>> {
        self.caller
            .start(&FILES_METHODS[0], &(name, ::rpc_core::stub::Bytes::new(bytes)))
    }

    /// Starts without waiting; see [`FilesClient::give`].
    pub fn give(
        &self,
        bytes: Vec<u8>,
    ) -> ::rpc_core::stub::Pending<::rpc_core::stub::Plain<u64>> {
        self.caller.start(&FILES_METHODS[1], &(::rpc_core::stub::Bytes::new(&bytes),))
    }

    /// Starts without waiting; see [`FilesClient::read`].
    pub fn read(
        &self,
        name: &str,
        part: &Part,
    ) -> ::rpc_core::stub::Pending<
        ::rpc_core::stub::Fallible<::rpc_core::stub::Blob, String>,
    > {
        self.caller.start(&FILES_METHODS[2], &(name, part))
    }

    /// Starts without waiting; see [`FilesClient::all`].
    pub fn all(
        &self,
        names: &[&str],
    ) -> ::rpc_core::stub::Pending<::rpc_core::stub::Plain<::rpc_core::stub::Blob>> {
        self.caller.start(&FILES_METHODS[3], &(names,))
    }

    /// Starts without waiting; see [`FilesClient::missing`].
    pub fn missing(
        &self,
        parts: &[Part],
        after: Option<&str>,
        limit: Option<Part>,
    ) -> ::rpc_core::stub::Pending<::rpc_core::stub::Plain<Vec<Part>>> {
        self.caller.start(&FILES_METHODS[4], &(parts, after, limit))
    }

    /// Starts without waiting; see [`FilesClient::find`].
    pub fn find(
        &self,
        name: &str,
    ) -> ::rpc_core::stub::Pending<
        ::rpc_core::stub::Plain<::rpc_core::stub::MaybeBlob>,
    > {
        self.caller.start(&FILES_METHODS[5], &(name,))
    }
}

/// Serves an implementation of [`Files`]: give it to `serve`.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
#[allow(dead_code, reason = "a program may use one side only")]
pub struct FilesServer<S: ?::core::marker::Sized> {
    service: ::std::sync::Arc<S>,
}

#[allow(dead_code, reason = "a program may use one side only")]
impl<S> FilesServer<S> {
    /// The service that answers with this implementation of [`Files`].
    pub fn new(service: S) -> Self {
        FilesServer {
            service: ::std::sync::Arc::new(service),
        }
    }
}

#[allow(dead_code, reason = "a program may use one side only")]
impl<S: ?::core::marker::Sized> FilesServer<S> {
    /// The same for one that the program keeps a hand on, or that is known only as `Arc<dyn Files + Send + Sync>`.
    pub fn shared(service: ::std::sync::Arc<S>) -> Self {
        FilesServer { service }
    }
}

impl<S> ::rpc_core::stub::Service for FilesServer<S>
where
    S: ?::core::marker::Sized + Files + ::core::marker::Send + ::core::marker::Sync
        + 'static,
    for<'a> Part: ::rpc_core::stub::Argument<'a>,
{
    fn contract(&self) -> &'static ::rpc_core::stub::Contract {
        &FILES_CONTRACT
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
                let (name, bytes): (&str, &[u8]) = call.arguments()?;
                call.reply::<u64>(Files::store(&*self.service, name, bytes))
            }
            1 => {
                let (bytes,): (::rpc_core::stub::ByteBuf,) = call.arguments()?;
                call.reply::<u64>(Files::give(&*self.service, bytes.into_vec()))
            }
            2 => {
                let (name, part): (&str, Part) = call.arguments()?;
                call.reply_result::<::rpc_core::stub::Blob, String>(Files::read(&*self.service, name, &part))
            }
            3 => {
                let (names,): (::std::vec::Vec<&str>,) = call.arguments()?;
                call.reply::<::rpc_core::stub::Blob>(Files::all(&*self.service, &names))
            }
            4 => {
                let (
                    parts,
                    after,
                    limit,
                ): (::std::vec::Vec<Part>, Option<&str>, Option<Part>) = call
                    .arguments()?;
                call.reply::<Vec<Part>>(Files::missing(&*self.service, &parts, after, limit))
            }
            5 => {
                let (name,): (&str,) = call.arguments()?;
                call.reply::<::rpc_core::stub::MaybeBlob>(Files::find(&*self.service, name))
            }
            _ => call.no_such_method(),
        }
    }
}

/// Asks for serde's traits on what travels: a type that lacks them is one error, at its place above.
const _: fn() = || {
    ::rpc_core::stub::argument::<Part>();
};
