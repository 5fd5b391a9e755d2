//! The interleavings of the production code: `rpc-core/src/net`, compiled with simulated threads, locks, sockets and time.
//!
//! `net/` here has the same files as `rpc-core/src/net`, by path, but for two: `sync.rs` and `os.rs`. All that lies below
//! the net layer is `rpc_core` itself. A [`Scenario`] runs a server and its clients in one simulated process, once for
//! each seed; the seed decides which thread goes on at each step, and when a time-out is over.
#![allow(rustdoc::private_intra_doc_links)] // links to what is public in `rpc-core`
#![cfg(not(test))] // the unit tests beside the sources are for real sockets, and run in `rpc-core`

mod call;
pub mod net;
mod scenarios;
mod schedule;
mod search;
mod world;

pub use rpc_core::{
    contract, each_process, error, ids, limits, log, panics, proto, reflection, service, text, wire,
};

pub use scenarios::{SCENARIOS, Scenario};
pub use search::{Broken, Searched, search, show};
