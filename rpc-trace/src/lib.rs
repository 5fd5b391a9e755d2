//! A span for each call on both sides, which join into one trace through the `traceparent` of W3C Trace Context in their metadata.
//!
//! ```text
//!  ClientSpans::before: span `rpc.client` --> metadata `traceparent` --> ServerSpans::before: span `rpc.server`
//!                       |                                                                     |
//!                       parent: metadata of the program, or the present TraceContext          the handler runs in it
//! ```
//! Both are hooks: [`ClientSpans`] goes around a client, [`ServerSpans`] around a service. Without a subscriber that wants spans of
//! the target `rpc_trace` at the level `INFO` there is none, and no call gets metadata.
//!
//! ```
//! use rpc_core::{Around, Server, rpc};
//! use rpc_trace::{ClientSpans, ServerSpans, TraceContext};
//!
//! #[rpc]
//! pub trait Clock {
//!     fn hour(&self) -> u8;
//! }
//!
//! struct Noon;
//!
//! impl Clock for Noon {
//!     fn hour(&self) -> u8 {
//!         12
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = Around::new(ClockServer::new(Noon), ServerSpans::new());
//! let server = Server::builder().service(clock).bind("127.0.0.1:0")?.spawn()?;
//!
//! let clock = ClockClient::connect(server.local_addr())?.call.around(ClientSpans::new());
//! let request = TraceContext::root(); // of a program that has none yet: both calls belong to one trace
//! request.in_scope(|| Ok::<_, rpc_core::CallError>((clock.hour()?, clock.hour()?)))?;
//! # clock.call.close();
//! # Ok(())
//! # }
//! ```
#![deny(clippy::unwrap_used, clippy::panic_in_result_fn)]

mod client;
mod context;
mod server;

pub use client::ClientSpans;
pub use context::{TRACEPARENT, TraceContext};
pub use server::{OpenSpan, ServerSpans};

use std::fmt::Debug;

use rpc_core::panics::contain;
use tracing::{Span, field};

/// Ends a span with the end of its call. A subscriber may panic at both steps; at both in one it would end the process.
fn end(span: Span, name: &str, value: impl Debug) {
    contain(|| span.record(name, field::debug(value)));
    contain(|| drop(span));
}

/// The target of all spans of this crate, for filters of a subscriber.
pub const TARGET: &str = "rpc_trace";
