//! Layer 4: sockets, threads and the clock. No layer below names them: the protocol gets bytes and times from here.
//!
//! `socket` is used by both sides. `sync` and `os` name all that this layer wants of the standard library and the kernel, so
//! that tests can run the same sources under a scheduler of their own.

mod address;
mod address_text;
mod client;
mod clock;
mod os;
mod server;
mod socket;
mod sync;
mod waiting;

pub use address::Address;
pub use client::{Addresses, ConnectError, Connector, connect};
pub use clock::MonotonicClock;
pub use os::Listener;
pub use server::{
    RunningServer, ServeError, Server, ServerBuilder, ServerHandle, serve, serve_with_shutdown,
};
