//! The `#[rpc]` attribute: one call of `rpc-codegen`, which can be called, tested and read as a plain library.

use proc_macro::TokenStream;

/// Writes a client and a server for a trait.
///
/// ```
/// use rpc_core::{CallContext, CallError, Pending, rpc};
/// use rpc_core::serde::{Deserialize, Serialize};
///
/// /// Why a key has no value.
/// #[derive(Clone, Debug, Serialize, Deserialize)]
/// #[serde(crate = "rpc_core::serde")] // not needed if your crate depends on serde itself
/// pub enum KvError {
///     /// It never had one.
///     NotFound,
/// }
///
/// /// Keys and their values.
/// #[rpc]
/// pub trait Kv {
///     /// The value of a key.
///     #[rpc(idempotent)]
///     fn get(&self, key: &str) -> Result<String, KvError>;
///
///     /// Gives a key a value.
///     fn put(&self, key: &str, value: &str) -> Result<(), KvError>;
///
///     /// Writes all to disk.
///     #[rpc(slow, deadline = "2m")]
///     fn save(&self, cx: &CallContext) -> u64;
/// }
///
/// fn client(kv: &KvClient) -> Result<String, CallError<KvError>> {
///     kv.put("a", "1")?;                 // a call, and its reply
///     let started: Pending<String, KvError> = kv.start.get("a"); // a call, started
///     started.wait()                     // its reply
/// }
/// ```
///
/// # What is written
/// For a trait `Kv`, with the visibility of the trait and the documentation of its methods:
/// - the trait itself, unchanged but for the options;
/// - `KvClient`, with `KvClient::connect(addr)` and the methods of the trait. A method that returns `Result<T, E>`
///   gives `Result<T, CallError<E>>`, one that returns `T` gives `Result<T, CallError>`;
/// - its field `start`, a `KvStart`, with the same methods, which start a call and return a `Pending<T, E>` or a
///   `Pending<T>` without waiting. It is also a future, so in async code write `kv.start.get("a").await`, and not `kv.get("a")`;
/// - its field `call`, a `Handle`, with the options and the state of the client: `kv.call.with_deadline(duration).get("a")`;
/// - `KvServer`, with `KvServer::new(implementation)`: the service to give to `serve`.
///
/// The rest is in a block, and adds no names to the module.
///
/// `cargo rpc-expand` prints this for your traits, after `cargo install --debug --locked --path PATH/rpc-derive/codegen`, where `PATH`
/// is this project; or `cargo install --debug --locked --git URL rpc-codegen`.
///
/// # Methods
/// A method takes `&self` and up to 16 arguments. The server reads `&str` and `&[u8]` from the frame without copying. For
/// any other `&T` it decodes a `T`, and for `&[T]` a `Vec<T>`, and passes a reference. Large bytes are fastest as `&[u8]`,
/// and as a type that is written `Vec<u8>`. Replies are owned. Your own types need serde's `Serialize` and `Deserialize`.
/// A borrowing type of your own shows its lifetime, `View<'_>`. A `Result` is written in full, `Result<T, E>`: an alias such as `io::Result<T>` hides the error type from the macro.
///
/// Elements of lists and maps may take 32 bytes of memory for each byte of the arguments, and 8 MiB beside that; more is
/// refused as bad arguments, and in a reply as a reply that is lost. An absent option takes one byte on the wire and the room
/// of a present one in memory: put large values that are mostly absent behind a `Box`. A `Box` of an enum with one large
/// variant is not counted, so its memory is at most its size for each 4 bytes of the arguments.
///
/// A first argument of type `&CallContext`, or one marked `#[rpc(context)]`, is not sent: the server supplies it, and the
/// client's method does not have it.
///
/// A method that is written with `Later<T>` as its return type replies later: its call holds no thread, and a `Responder` ends it. For
/// callers, and in the contract, it returns a `T`.
///
/// # Options
/// On a method:
/// - `#[rpc(idempotent)]`: to run it twice has the same effect as to run it once, also with other clients' calls in
///   between. The client may repeat it if its outcome is unknown, and the server does not keep its reply. A read is
///   idempotent, a `put` is not;
/// - `#[rpc(slow)]`: it runs for long, or blocks. It runs on another thread than the one that serves the connections.
///   Without it a call that runs for 4 to 8 ms is moved while it runs, and all others of its loop have waited for it; while
///   two of the last 16 runs of the method were such, it counts as slow for all callers. If a session or its source address
///   has its share of the threads (half, and three quarters, if it is alone), its calls of slow methods are refused as busy;
/// - `#[rpc(deadline = "250ms")]`: the longest time that its caller waits, unless the client has another deadline; in
///   `ms`, `s` or `m`;
/// - `#[rpc(max_cached_reply = 65536)]`: the longest reply, in bytes, that the server keeps for a duplicate of the call;
/// - `#[rpc(version = 2)]`: the method means something else than before, though its types are the same. Clients that were built
///   for another version are refused. A method without the option has version 1.
///
/// On the trait: `#[rpc(crate = "rpc")]`, the path of the runtime if it is not `::rpc_core`. It is needed where your `Cargo.toml`
/// gives the runtime another name, as in `rpc = { package = "rpc-core", .. }`: without it rustc says `could not find rpc_core`. The
/// attribute itself may have another name (`use rpc_core::rpc as remote`); the options of methods are always `#[rpc(..)]`.
///
/// # Mistakes
/// All mistakes of a trait are reported at once, each at its place, with what to write instead. The stubs of the sound
/// methods are still written, so that a mistake causes no other errors.
#[proc_macro_attribute]
pub fn rpc(attribute: TokenStream, item: TokenStream) -> TokenStream {
    rpc_codegen::rpc(attribute.into(), item.into()).into()
}
