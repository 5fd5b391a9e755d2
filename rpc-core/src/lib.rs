//! Remote procedure calls between Rust processes, at most once, over raw TCP and one event loop.
//!
//! Put [`#[rpc]`](macro@rpc) on a trait: it writes a client and a server for it. A call runs zero times or once, whatever
//! the network does, and the caller is told which ([`CallError`]).
//!
//! ```
//! use rpc_core::{CallError, Server, rpc};
//!
//! #[rpc]
//! pub trait Adder {
//!     fn add(&self, x: i64, y: i64) -> Result<i64, String>;
//! }
//!
//! struct Plain;
//!
//! impl Adder for Plain {
//!     fn add(&self, x: i64, y: i64) -> Result<i64, String> {
//!         x.checked_add(y).ok_or_else(|| "the sum is too large".to_owned())
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder().service(AdderServer::new(Plain)).bind("127.0.0.1:0")?.spawn()?;
//!
//! let adder = AdderClient::connect(server.local_addr())?;
//! assert_eq!(adder.add(20, 22)?, 42);
//! let pending = adder.start.add(1, 2); // the same call, started
//! assert_eq!(pending.wait()?, 3);
//! match adder.add(i64::MAX, 1) {
//!     Err(CallError::Service(why)) => println!("it ran, and said: {why}"),
//!     Err(CallError::NotExecuted(why)) => println!("safe to call again: {why}"),
//!     Err(error) => println!("did it run? {:?}: {error}", error.ran()),
//!     Ok(sum) => println!("{sum}"),
//! }
//! adder.call.close();
//! server.stop()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Items by task
//! To serve:
//! - [`serve`] runs one service until the process ends, [`serve_with_shutdown`] until a signal. A [`Server`] is made by a
//!   [`ServerBuilder`] of several services and [`ServerLimits`]; [`Server::run`] blocks, [`Server::spawn`] returns a
//!   [`RunningServer`].
//! - [`ServerHandle`] drains a server and reads its [`ServerCounters`]. [`ServeError`] tells why a server did not start,
//!   and a [`SettingError`] inside it which setting is outside its bounds.
//! - [`CallContext`] tells a method about its call: [`CallId`], caller, time left, cancelled. [`Service`] is the trait that
//!   the generated server implements.
//! - A [`Listener`] is bound, or handed in; it has an [`Address`]: a port, or the path of a Unix socket. [`PeerCredentials`] are of the
//!   process at the other end of such a socket.
//! - [`Health`] is a service that tells a load balancer if the server wants calls: a [`HealthState`]. [`HealthClient`] asks
//!   for it.
//! - [`ServerBuilder::reflection`] decides if the server describes itself, as it does without a word: the module [`reflection`] has its
//!   client, and the types of what it says.
//! - [`ServerBuilder::durable`] gives a server a store, which is a [`DurableFilter`] and may fail with a [`DurableError`]: the package
//!   `rpc-store` has one.
//! - [`Around`] runs a [`ServerHook`] around each call of a service: it may refuse the call with a
//!   [`Refused`], and learns its [`Status`]. [`CallLimit`] is one that bounds the calls that run at once.
//! - [`Later`] is what a method returns whose reply comes later, and [`Responder`] is what ends such a call, from any thread.
//!
//! To call:
//! - `YourClient::connect`, or [`Connector`] with [`ClientLimits`] and a deadline other than [`DEFAULT_DEADLINE`].
//!   [`ConnectError`] tells why there is no connection. [`Addresses`] are those of a server, or a name that is looked up again.
//! - [`Handle`], the field `call` of a client: the deadline of a call, retries, failing fast, [`ClientCounters`], the
//!   [`Incarnation`] of the server, closing.
//! - [`Metadata`]: short texts beside the arguments of a call, such as the context of a trace. A [`MetadataError`] refuses
//!   what is too long.
//! - [`Handle::around`] runs a [`ClientHook`] around each call of a client: it sees an [`OutgoingCall`], may refuse it, and learns its
//!   [`Verdict`].
//! - [`Pending`], a started call (the field `start` of a client); [`Race`], many of them in the order in which they finish.
//! - [`ByName`]: calls without a trait, by a name that is known only at run time.
//!
//! Errors of a call:
//! - [`CallError`] and its parts, one for each verdict: [`NotExecuted`] with its [`Reason`], [`Panicked`], [`GivenUp`], [`ReplyLost`],
//!   [`Unknown`] with its [`UnknownCause`]. An [`Outage`] says since when there is no connection, and why. [`CallTarget`] names
//!   the method and the server. [`Never`] is the error of a method
//!   that has none.
//! - [`Escaped`] shows text that the other side has sent, as the errors do: a terminal obeys none of it.
//! - [`CallError::resolve`] and [`Unknown::resolve`] wait for what became of an unknown call, and return it as the call would.
//!
//! Without the macro: [`Contract`] and [`Method`] describe a trait ([`ContractError`] refuses two that contradict each other),
//! [`Client`] is the trait of its client, which makes its calls through a [`Caller`]. The names that generated code uses are in
//! [`stub`], and the lesson `stubs_by_hand` writes such code by hand. Derive [`serde`]'s traits for types of your own.
//!
//! # The path of a call
//! ```text
//!           a stub's method                       your implementation
//!              |  ^                                  ^  |
//! layer 3   Caller, Pending, CallError            Service, CallContext
//! layer 1   codec: encode, decode                 codec: decode, encode
//!              |  ^                                  ^  |
//! layer 2   ClientCore: slots, verdicts           ServerCore: the duplicate filter
//! layer 1   frames out, frames in                 frames in, frames out
//!              v  |                                  |  v
//! layer 4   the caller drives   <==== TCP ====>   the event loop
//! ```
//! Layers import only downwards: 0 `error`, `ids`, `limits`, `contract`, `types`, `each_process`; 1 `wire`; 2 `proto`; 3 `service`, `call`; 4 sockets
//! and threads; and this surface. Layer 2 has no socket, clock or thread.
//!
//! # Tests of your services
//! The package `rpc-sim`, under `[dev-dependencies]`, runs this protocol code on a faulty network in virtual time, from one
//! seed: `rpc_sim::in_process` without faults, `rpc_sim::Network` with them. `rpc_sim::FaultProxy` makes the same faults on
//! real connections. This crate has no features for users.
//!
//! The pages in `docs/` describe failures (`at_most_once.md`), the bytes (`wire.md`) and the design (`architecture.md`).
#![deny(clippy::unwrap_used, clippy::panic_in_result_fn)]

mod arguments;
mod bucket;
#[cfg_attr(target_family = "wasm", path = "net/without_sockets.rs")]
mod net;
pub mod reflection;
pub mod stub;

// Public for the simulator's users, the tests, the lessons and clients written by hand, and hidden because they may change
// with each version. The items that users need are exported below.
#[doc(hidden)]
pub mod call;
#[doc(hidden)]
pub mod contract;
#[doc(hidden)]
pub mod each_process;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod ids;
#[doc(hidden)]
// constants that tune the implementation; the bounds that can be set are `ServerLimits`, `ClientLimits`
pub mod limits;
#[doc(hidden)]
pub mod log;
#[doc(hidden)]
pub mod panics;
#[doc(hidden)]
pub mod proto;
#[doc(hidden)]
pub mod service;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod types;
#[doc(hidden)]
pub mod wire;

pub use call::{
    ByName, CallError, CallTarget, Caller, Client, ClientCounters, ClientHook, GivenUp, Handle, Never,
    NotExecuted, Outage, OutgoingCall, Panicked, Pending, Race, ReplyLost, Unknown, Verdict,
};
pub use contract::{Contract, ContractError, Method};
pub use error::Reason;
pub use ids::{CallId, Incarnation};
pub use limits::{ClientLimits, DEFAULT_DEADLINE, ServerLimits, SettingError};
#[doc(hidden)] // the clock of a server or client that is put together by hand, as in the lessons
#[cfg(not(target_family = "wasm"))]
pub use net::MonotonicClock;
#[cfg(not(target_family = "wasm"))]
pub use net::{
    Address, Addresses, ConnectError, Connector, Listener, RunningServer, ServeError, Server, ServerBuilder,
    ServerHandle, serve, serve_with_shutdown,
};
pub use proto::UnknownCause;
pub use proto::peer::PeerCredentials;
pub use proto::server::ServerCounters;
pub use rpc_derive::rpc;
pub use serde;
pub use service::{
    Around, CallContext, CallLimit, DurableError, DurableFilter, Health, HealthClient, HealthState, Later,
    Refused, Responder, ServerHook, Service,
};
pub use text::Escaped;
pub use wire::message::Status;
pub use wire::metadata::{Metadata, MetadataError};
