//! Layer 4: sockets, threads and the clock. No layer below names them: the protocol gets bytes and times from here.

mod client;
mod clock;
mod os;
mod server;
mod sync;

pub use client::{ConnectError, Connector, connect};
pub use clock::MonotonicClock;
pub use server::{RunningServer, ServeError, Server, ServerBuilder, ServerHandle, serve};
