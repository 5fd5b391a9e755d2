//! Remote procedure calls between Rust processes, at most once, over raw TCP and one event loop.
//!
//! Put [`#[rpc]`](macro@rpc) on a trait: it writes a client and a server for it. A call runs zero times or once, whatever
//! the network does, and whoever made it is told which ([`CallError`]).
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
//! # The flow
//! ```text
//!           a stub's method                       your implementation
//!              |  ^                                  ^  |
//! floor 3   Caller, Pending, CallError            Service, CallContext
//! floor 1   codec: encode, decode                 codec: decode, encode
//!              |  ^                                  ^  |
//! floor 2   ClientCore: slots, verdicts           ServerCore: the duplicate filter
//! floor 1   frames out, frames in                 frames in, frames out
//!              v  |                                  |  v
//! floor 4   the caller drives   <==== TCP ====>   the event loop
//! ```
//! Floors import only downwards: 0 [`error`], [`ids`], [`limits`], [`contract`]; 1 [`wire`]; 2 [`proto`]; 3 [`service`],
//! [`call`]; above it `sim`; 4 sockets and threads; and this surface. Floor 2 has no socket, clock or thread.
//!
//! # Where things are
//! - to serve: [`serve`], or [`Server::builder`]; to end a server and look into it: [`RunningServer`], [`ServerHandle`];
//! - to call: `YourClient::connect`, or [`Connector`]; deadlines and all that is no remote method: [`Handle`], the
//!   field `call` of a client; started calls: [`Pending`], [`Race`], the field `start`;
//! - to call without a trait, by a name that is known only at run time: [`ByName`];
//! - what generated code names: [`stub`]; what each bound is for: [`limits`].
//!
//! # Features
//! - `sim` (off by default): the simulator. The same protocol code on a faulty network in virtual time, from one seed, for
//!   tests of your own services; and the faults, for a proxy between real sockets.
//!
//! The pages in `docs/` say what failures do (`at_most_once.md`), what the bytes are (`wire.md`), and how it works
//! (`architecture.md`).
#![deny(clippy::unwrap_used, clippy::panic_in_result_fn)]

pub mod call;
pub mod contract;
pub mod error;
pub mod ids;
pub mod limits;
mod net;
pub mod proto;
pub mod service;
#[cfg(feature = "sim")]
pub mod sim;
pub mod stub;
pub mod wire;

pub use call::{ByName, CallError, Caller, Client, Handle, Pending, Race};
#[cfg(feature = "sim")]
pub use net::FaultProxy;
pub use net::{
    ConnectError, Connector, MonotonicClock, RunningServer, ServeError, Server, ServerBuilder, ServerHandle,
    serve,
};
pub use rpc_derive::rpc;
pub use serde;
pub use service::{CallContext, Service};
#[cfg(feature = "sim")]
pub use sim::in_process;
