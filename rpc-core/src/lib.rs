//! Remote procedure calls between Rust processes, at most once, over raw TCP and one event loop.
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

pub use call::{CallError, Caller, Client, Handle, Pending, Race};
#[cfg(feature = "sim")]
pub use net::FaultProxy;
pub use net::{
    ConnectError, Connector, MonotonicClock, ServeError, Server, ServerBuilder, ServerHandle, serve,
};
pub use rpc_derive::rpc;
pub use serde;
pub use service::{CallContext, Service};
