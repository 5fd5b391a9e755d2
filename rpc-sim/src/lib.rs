//! The simulator: the production protocol code of `rpc-core` in a world with a virtual clock and a faulty network.
//!
//! Everything is drawn from one seed and no real time passes, so a run that failed fails again, step by step, from
//! its seed alone. One line makes it available to the tests of a package that depends on `rpc-core`:
//! ```toml
//! [dev-dependencies]
//! rpc-sim = { path = "../rpc/rpc-sim" } # or { git = ".." }
//! ```
//! Three ways in:
//! * [`in_process`]: a client and a service in one process, no faults: unit tests of a service.
//! * [`Network`]: services, clients, and faults that you choose: does your service bear what a network does?
//! * [`World`]: the bare state machines, for the proof of the protocol itself.
//!
//! ```
//! use std::sync::Mutex;
//! use std::time::Duration;
//!
//! use rpc_core::rpc;
//! use rpc_sim::{Faults, Network, in_process};
//!
//! #[rpc]
//! pub trait Counter {
//!     fn add(&self, n: u64) -> u64;
//! }
//!
//! #[derive(Default)]
//! struct Sum(Mutex<u64>);
//!
//! impl Counter for Sum {
//!     fn add(&self, n: u64) -> u64 {
//!         let mut sum = self.0.lock().unwrap();
//!         *sum += n;
//!         *sum
//!     }
//! }
//!
//! # fn main() -> Result<(), rpc_core::CallError> {
//! let counter: CounterClient = in_process(CounterServer::new(Sum::default()));
//! assert_eq!(counter.add(3)?, 3);
//!
//! let network = Network::new(7, Faults::none().drop(0.1).duplicate(0.2).reorder(0.2));
//! network.serve(CounterServer::new(Sum::default()));
//! let counter: CounterClient = network.client();
//! network.partition(Duration::from_secs(1)); // of virtual time
//! for n in 1..=20 {
//!     assert_eq!(counter.add(1)?, n, "each call ran once");
//! }
//! assert!(network.faults_seen().dropped > 0);
//! # Ok(())
//! # }
//! ```
//! [`FaultProxy`] makes the same faults between real sockets. A seed does not repeat what it does, since the operating system
//! decides when bytes arrive.
//!
//! ```text
//! Network, in_process --> World --> ClientCore .. Mangler .. ServerCore --> your service
//!                           '-- the agenda: what happens when, in virtual time
//! ```
#![deny(clippy::unwrap_used, clippy::panic_in_result_fn)]

mod agenda;
mod channel;
mod client_driver;
mod clients;
mod clocks;
mod durable;
#[cfg(not(target_family = "wasm"))]
mod fault_proxy;
mod faults;
mod handlers;
mod held;
mod in_flight;
mod links;
mod mangler;
mod network;
mod observer;
mod server;
mod trace;
mod world;

pub use clients::{ClientSeen, Sent};
pub use clocks::SimClock;
#[cfg(not(target_family = "wasm"))]
pub use fault_proxy::FaultProxy;
pub use faults::{Faults, FaultsSeen};
pub use handlers::{Handlers, Job, JobDone};
pub use in_flight::{FrameId, InFlight};
pub use mangler::{Delivery, Fate, Mangler};
pub use network::{Network, in_process};
pub use observer::{Happening, Observed};
pub use world::{ClientId, LinkId, ServerSeen, World, WorldConfig};
