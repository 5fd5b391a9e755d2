//! Layer 4: sockets, threads and the clock. No layer below names them: the protocol gets bytes and times from here.
//!
//! `socket` is used by both sides. `sync` and `os` name all that this layer wants of the standard library and the kernel, so
//! that tests can run the same sources under a scheduler of their own.

mod client;
mod clock;
#[cfg(feature = "sim")]
mod fault_proxy;
mod os;
mod server;
mod socket;
mod sync;

pub use client::{ConnectError, Connector, connect};
pub use clock::MonotonicClock;
#[cfg(feature = "sim")]
pub use fault_proxy::FaultProxy;
pub use server::{RunningServer, ServeError, Server, ServerBuilder, ServerHandle, serve};
