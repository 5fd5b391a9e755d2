//! Floor 4: sockets, threads and the clock. The only floor that knows them; the protocol below it is handed what they give.

mod client;
mod clock;
mod server;

pub use client::{ConnectError, Connector, connect};
pub use clock::MonotonicClock;
pub use server::{ServeError, Server, ServerBuilder, ServerHandle, serve};
