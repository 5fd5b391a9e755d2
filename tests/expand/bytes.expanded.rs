//! The output of `#[rpc]` for `bytes.rs`. Equal by test; `BLESS=1 cargo test -p rpc-tests --test expand`
//! writes it anew.
//!
//! Bytes, which are sent in one piece; slices; and types of the user, by reference and owned.

use rpc_core::rpc;
use serde::{Deserialize, Serialize};

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The offset of its first byte.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// Files.
pub trait Files {
    /// Stores bytes that the caller keeps.
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

/// The client of [`Files`]: each method makes one call to the server and waits for its reply.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct FilesClient {
    /// The same methods, which start a call and return without waiting for its reply.
    pub start: FilesStart,
    /// The options and the state of the client: deadlines, counters, closing.
    pub call: ::rpc_core::stub::Handle<FilesClient>,
}

/// Starts calls of [`Files`] without waiting for their replies: see [`FilesClient::start`].
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct FilesStart {
    caller: ::rpc_core::stub::Caller,
}

/// Serves an implementation of [`Files`]: give it to `serve`.
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct FilesServer<S: ?::core::marker::Sized> {
    service: ::rpc_core::stub::Arc<S>,
}

/// The stubs of [`Files`], in a block, so that their names are not names of the module.
#[allow(dead_code, reason = "a program may use one side only")]
const _: () = {
    use ::rpc_core::stub;

    /// The methods of [`Files`] in its order, with their signatures and policies.
    static METHODS: [stub::Method; 6] = [
        stub::Method::new("Files.store", "fn store(name: &str, bytes: &[u8]) -> u64")
            .docs("Stores bytes that the caller keeps.")
            .types(stub::types!((&str, &[u8]), u64)),
        stub::Method::new("Files.give", "fn give(bytes: Vec<u8>) -> u64")
            .docs("Stores bytes that the caller gives away.")
            .types(stub::types!((stub::ByteBuf,), u64)),
        stub::Method::new("Files.read", "fn read(name: &str, part: &Part) -> Result<Vec<u8>, String>")
            .docs("Reads one part.")
            .fails_with(stub::error_traits!(String))
            .types(stub::types!((&str, Part), stub::ByteBuf, String)),
        stub::Method::new("Files.all", "fn all(names: &[&str]) -> Vec<u8>")
            .docs("All bytes of some files, one after the other.")
            .types(stub::types!((stub::Vec<&str>,), stub::ByteBuf)),
        stub::Method::new(
                "Files.missing",
                "fn missing(parts: &[Part], after: Option<&str>, limit: Option<Part>) -> Vec<Part>",
            )
            .docs("The parts that are missing.")
            .types(
                stub::types!(
                    (stub::Vec < Part >, Option < & str >, Option < Part >), Vec < Part >
                ),
            ),
        stub::Method::new("Files.find", "fn find(name: &str) -> Option<Vec<u8>>")
            .docs("Reads a file, if it is there.")
            .types(stub::types!((&str,), ::core::option::Option<stub::ByteBuf>)),
    ];

    /// The formats of the types of [`Files`], which are found when they are first asked for.
    static TYPES: stub::TypesOf = stub::TypesOf::new("Files", &METHODS);

    /// The contract of [`Files`]; client and server compare it when they connect.
    static CONTRACT: stub::Contract = stub::Contract::new("Files", &METHODS)
        .with_types(|| TYPES.get())
        .docs("Files.");

    /// The index of [`Files::store`] in `METHODS`.
    const STORE: usize = 0;
    /// The index of [`Files::give`] in `METHODS`.
    const GIVE: usize = 1;
    /// The index of [`Files::read`] in `METHODS`.
    const READ: usize = 2;
    /// The index of [`Files::all`] in `METHODS`.
    const ALL: usize = 3;
    /// The index of [`Files::missing`] in `METHODS`.
    const MISSING: usize = 4;
    /// The index of [`Files::find`] in `METHODS`.
    const FIND: usize = 5;

    impl FilesClient
    where
        for<'a> Part: stub::Argument<'a>,
    {
        /// Connects to a server of [`Files`].
        ///
        /// # Errors
        /// Returns an error if no server answers at the address, or if the one that does has no service of this name. It
        /// may have another version of this trait: then it refuses the calls that differ, and runs the others.
        pub fn connect(
            addr: impl stub::Into<stub::Addresses>,
        ) -> stub::Result<Self, stub::ConnectError> {
            stub::connect(addr)
        }

        /// Stores bytes that the caller keeps.
        pub fn store(
            &self,
            name: &str,
            bytes: &[u8],
        ) -> stub::Result<u64, stub::CallError> {
            self.call
                .caller()
                .call::<u64, stub::Never>(&METHODS[STORE], &(name, stub::Bytes::new(bytes)))
        }

        /// Stores bytes that the caller gives away.
        pub fn give(&self, bytes: Vec<u8>) -> stub::Result<u64, stub::CallError> {
            self.call
                .caller()
                .call::<u64, stub::Never>(&METHODS[GIVE], &(stub::Bytes::new(&bytes),))
        }

        /// Reads one part.
        pub fn read(
            &self,
            name: &str,
            part: &Part,
        ) -> stub::Result<Vec<u8>, stub::CallError<String>> {
            self.call.caller().call::<stub::Blob, String>(&METHODS[READ], &(name, part))
        }

        /// All bytes of some files, one after the other.
        pub fn all(&self, names: &[&str]) -> stub::Result<Vec<u8>, stub::CallError> {
            self.call.caller().call::<stub::Blob, stub::Never>(&METHODS[ALL], &(names,))
        }

        /// The parts that are missing.
        pub fn missing(
            &self,
            parts: &[Part],
            after: Option<&str>,
            limit: Option<Part>,
        ) -> stub::Result<Vec<Part>, stub::CallError> {
            self.call
                .caller()
                .call::<Vec<Part>, stub::Never>(&METHODS[MISSING], &(parts, after, limit))
        }

        /// Reads a file, if it is there.
        pub fn find(
            &self,
            name: &str,
        ) -> stub::Result<Option<Vec<u8>>, stub::CallError> {
            self.call
                .caller()
                .call::<stub::MaybeBlob, stub::Never>(&METHODS[FIND], &(name,))
        }
    }

    impl stub::Client for FilesClient {
        const CONTRACT: &'static stub::Contract = &CONTRACT;

        fn from_caller(caller: stub::Caller) -> Self {
            FilesClient {
                start: FilesStart {
                    caller: stub::Clone::clone(&caller),
                },
                call: stub::Handle::new(caller),
            }
        }
    }

    impl FilesStart
    where
        for<'a> Part: stub::Argument<'a>,
    {
        /// Starts a call without waiting for its reply; see [`FilesClient::store`].
        pub fn store(&self, name: &str, bytes: &[u8]) -> stub::Pending<u64> {
            self.caller
                .start::<u64, stub::Never>(&METHODS[STORE], &(name, stub::Bytes::new(bytes)))
        }

        /// Starts a call without waiting for its reply; see [`FilesClient::give`].
        pub fn give(&self, bytes: Vec<u8>) -> stub::Pending<u64> {
            self.caller
                .start::<u64, stub::Never>(&METHODS[GIVE], &(stub::Bytes::new(&bytes),))
        }

        /// Starts a call without waiting for its reply; see [`FilesClient::read`].
        pub fn read(&self, name: &str, part: &Part) -> stub::Pending<Vec<u8>, String> {
            self.caller.start::<stub::Blob, String>(&METHODS[READ], &(name, part))
        }

        /// Starts a call without waiting for its reply; see [`FilesClient::all`].
        pub fn all(&self, names: &[&str]) -> stub::Pending<Vec<u8>> {
            self.caller.start::<stub::Blob, stub::Never>(&METHODS[ALL], &(names,))
        }

        /// Starts a call without waiting for its reply; see [`FilesClient::missing`].
        pub fn missing(
            &self,
            parts: &[Part],
            after: Option<&str>,
            limit: Option<Part>,
        ) -> stub::Pending<Vec<Part>> {
            self.caller
                .start::<Vec<Part>, stub::Never>(&METHODS[MISSING], &(parts, after, limit))
        }

        /// Starts a call without waiting for its reply; see [`FilesClient::find`].
        pub fn find(&self, name: &str) -> stub::Pending<Option<Vec<u8>>> {
            self.caller.start::<stub::MaybeBlob, stub::Never>(&METHODS[FIND], &(name,))
        }
    }

    impl<S: ?stub::Sized> FilesServer<S> {
        /// Serves this implementation of [`Files`].
        pub fn new(service: S) -> Self
        where
            S: stub::Sized,
        {
            FilesServer {
                service: stub::Arc::new(service),
            }
        }

        /// Like `new`, for an implementation that is already shared, or that is known only as `Arc<dyn Files + Send + Sync>`.
        pub fn shared(service: stub::Arc<S>) -> Self {
            FilesServer { service }
        }
    }

    impl<S> stub::Service for FilesServer<S>
    where
        S: ?stub::Sized + Files + stub::Send + stub::Sync + 'static,
        for<'a> Part: stub::Argument<'a>,
    {
        fn contract(&self) -> &'static stub::Contract {
            &CONTRACT
        }

        fn dispatch(
            &self,
            call: stub::Dispatch<'_>,
        ) -> stub::Result<stub::Dispatched, stub::Refused> {
            match call.method() {
                STORE => {
                    let (name, bytes): (&str, &[u8]) = call.arguments()?;
                    call.reply::<u64>(Files::store(&*self.service, name, bytes))
                }
                GIVE => {
                    let (bytes,): (stub::ByteBuf,) = call.arguments()?;
                    call.reply::<u64>(Files::give(&*self.service, bytes.into_vec()))
                }
                READ => {
                    let (name, part): (&str, Part) = call.arguments()?;
                    call.reply_result::<stub::Blob, String>(Files::read(&*self.service, name, &part))
                }
                ALL => {
                    let (names,): (stub::Vec<&str>,) = call.arguments()?;
                    call.reply::<stub::Blob>(Files::all(&*self.service, &names))
                }
                MISSING => {
                    let (parts, after, limit): (stub::Vec<Part>, Option<&str>, Option<Part>) = call.arguments()?;
                    call.reply::<Vec<Part>>(Files::missing(&*self.service, &parts, after, limit))
                }
                FIND => {
                    let (name,): (&str,) = call.arguments()?;
                    call.reply::<stub::MaybeBlob>(Files::find(&*self.service, name))
                }
                _ => call.no_such_method(),
            }
        }
    }

    /// Checks that these types implement serde's traits: one that does not is one error, at its place in the trait.
    const _: fn() = || {
        stub::argument::<Part>();
    };
};
