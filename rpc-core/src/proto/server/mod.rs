//! Layer 2: the server's side of the protocol: connections in, calls out, replies back, each call at most once.
//!
//! ```text
//! bytes --handle_input--> frames --> greeting | filter --> run queue --poll_call--> the thread that runs it
//! bytes <--outgoing------ connection <--------- filter <-------------- finish -------------'
//! ```
//! [`ServerCore`] (`core`, and `ending` for its last steps) owns the parts, and each part owns its state: `links` (which
//! connection carries which session: `connection`, `sessions` by `sources` and `nonces`, `timers`), `call_table` (arguments and kept
//! replies), `run_queue`, `drain`; `strikes` counts what is of no use, `begun` watches frames that do not end,
//! and `arguments` bounds what a session brings. A frame about
//! a call is handled by one `filter`: the parts of its slot, found once.

mod arguments;
#[cfg(feature = "__inspection")]
mod audit;
mod begun;
mod call_table;
#[cfg(feature = "__inspection")]
mod canonical;
mod config;
mod connection;
mod core;
mod counters;
mod drain;
mod durable;
mod ending;
mod entropy;
mod filter;
mod filter_off;
mod gauges;
mod greeting;
mod held_calls;
mod hello;
mod idle;
mod input;
mod keys;
mod links;
mod long_replies;
mod nonces;
mod outgoing;
mod record;
mod records;
mod replies;
mod run_queue;
mod session;
mod session_index;
mod sessions;
mod snapshot;
mod sources;
mod strikes;
mod tables;
mod terms;
#[cfg(test)]
mod tests;
mod timers;
mod told;
mod turns;

pub use arguments::copied;
#[cfg(feature = "__inspection")]
pub use audit::{RecordState, SessionState};
pub use config::{HandOver, ServerConfig};
pub use connection::ConnId;
pub use core::ServerCore;
pub use counters::ServerCounters;
pub use durable::{HashSecret, SessionChange, StoredRecord, StoredSession};
pub use entropy::{Entropy, EntropySource};
pub use keys::{CallKey, Caller};
pub use outgoing::Outgoing;
pub use record::CallState;
pub use run_queue::ReadyCall;
pub use snapshot::{RecordSnapshot, SessionSnapshot};
pub use told::Told;
