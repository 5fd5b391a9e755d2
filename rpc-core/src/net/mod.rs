//! Floor 4: sockets, time and threads. The only rooms that know mio.

mod client;
mod clock;

pub use client::{ConnectError, Connector, connect};
pub use clock::MonotonicClock;
