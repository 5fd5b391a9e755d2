//! The `#[rpc]` attribute: a thin shim over `rpc-codegen`, which can be called, tested and read as a plain library.

use proc_macro::TokenStream;

/// Writes a client and a server for a trait.
///
/// ```
/// use rpc_core::{CallContext, CallError, rpc};
/// use rpc_core::serde::{Deserialize, Serialize};
///
/// /// Why a key has no value.
/// #[derive(Clone, Debug, Serialize, Deserialize)]
/// #[serde(crate = "rpc_core::serde")] // not needed where serde is a dependency of your own
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
///     kv.put("a", "1")?;                 // one call, and its reply
///     let pending = kv.start.get("a");   // the same call, started
///     pending.wait()                     // its reply
/// }
/// ```
///
/// # What is written
/// For a trait `Kv`, with the trait's visibility and its documentation:
/// - the trait itself, unchanged but for the options;
/// - `KvClient`, with `KvClient::connect(addr)` and the methods of the trait. A method that returns `Result<T, E>`
///   gives `Result<T, CallError<E>>`, one that returns `T` gives `Result<T, CallError>`. Its field `start` (a
///   `KvStart`) has the same methods, which start their call and return a `Pending`; its field `call` (a `Handle`) has
///   all that is not a method of the trait: `kv.call.within(duration).get("a")`;
/// - `KvServer`, with `KvServer::new(implementation)`: the service to give to `serve`;
/// - two private statics, `KV_METHODS` and `KV_CONTRACT`: what client and server compare when they connect.
///
/// `cargo run -q -p rpc-codegen --bin rpc-expand -- FILE.rs` prints it for your traits.
///
/// # Methods
/// A method takes `&self` and up to 16 arguments. `&str` and `&[u8]` are read from the frame without a copy; for any
/// other `&T` the server reads a `T`, and for `&[T]` a `Vec<T>`, and lends it. Large bytes travel fast as `&[u8]`, and
/// as what is spelled `Vec<u8>`. Replies are owned. Types of your own need serde's `Serialize` and `Deserialize`.
///
/// A first argument of type `&CallContext`, or one marked `#[rpc(context)]`, is not sent: the server gives it, and the
/// client's method lacks it.
///
/// # Options
/// On a method:
/// - `#[rpc(idempotent)]`: to run it twice is harmless, also with other clients' calls in between. The client may
///   repeat it by itself when its outcome is unknown, and its reply is not kept. A read is, a `put` is not;
/// - `#[rpc(slow)]`: it runs long or blocks, and is kept off the thread that serves the others;
/// - `#[rpc(deadline = "250ms")]`: how long its caller waits unless it says otherwise; in `ms`, `s` or `m`;
/// - `#[rpc(max_cached_reply = 65536)]`: the longest reply, in bytes, that is kept for a client that asks again.
///
/// On the trait: `#[rpc(crate = "my_rpc_core")]`, where the runtime is if it is not `::rpc_core`.
///
/// # Mistakes
/// All mistakes of a trait are reported at once, each at its place, with what to write instead. Stubs of the sound
/// methods are written all the same, so that no other errors follow.
#[proc_macro_attribute]
pub fn rpc(attribute: TokenStream, item: TokenStream) -> TokenStream {
    rpc_codegen::rpc(attribute.into(), item.into()).into()
}
