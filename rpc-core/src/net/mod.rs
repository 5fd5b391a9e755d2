//! Floor 4: sockets, threads and the clock. The only floor that knows them; the protocol below it is handed what they give.

mod client;
mod clock;
#[cfg(feature = "sim")]
mod fault_proxy;
mod os;
mod server;
mod sync;

pub use client::{ConnectError, Connector, connect};
pub use clock::MonotonicClock;
#[cfg(feature = "sim")]
pub use fault_proxy::FaultProxy;
pub use server::{RunningServer, ServeError, Server, ServerBuilder, ServerHandle, serve};
