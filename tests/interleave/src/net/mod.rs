//! The net layer: the sources of `rpc-core`, with simulated threads and locks (`sync.rs`) and sockets (`os.rs`).

#[path = "../../../../rpc-core/src/net/address.rs"]
mod address;
#[path = "../../../../rpc-core/src/net/address_text.rs"]
mod address_text;
#[path = "../../../../rpc-core/src/net/client/mod.rs"]
mod client;
#[path = "../../../../rpc-core/src/net/clock.rs"]
mod clock;
pub(crate) mod os;
#[path = "../../../../rpc-core/src/net/server/mod.rs"]
mod server;
#[path = "../../../../rpc-core/src/net/socket.rs"]
mod socket;
pub(crate) mod sync;
#[path = "../../../../rpc-core/src/net/waiting.rs"]
mod waiting;

pub use address::Address;
pub use client::{Addresses, ConnectError, Connector, connect};
pub use clock::MonotonicClock;
pub use os::Listener;
pub use server::{
    RunningServer, ServeError, Server, ServerBuilder, ServerHandle, serve, serve_with_shutdown,
};
