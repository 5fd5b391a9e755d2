//! The simulator (feature `sim`): the production protocol code in a world with a virtual clock and a faulty network.
//!
//! Everything is drawn from one seed and no real time passes, so a run that failed fails again, step by step, from
//! its seed alone. Three ways in:
//! * [`in_process`]: a client and a service in one process, no faults: unit tests of a service.
//! * [`Network`]: services, clients, and faults that you choose: does your service bear what a network does?
//! * [`World`]: the bare state machines, for the proof of the protocol itself.
//!
//! ```text
//! Network, in_process --> World --> ClientCore .. Mangler .. ServerCore --> your service
//!                           '-- the agenda: what happens when, in virtual time
//! ```

mod agenda;
mod channel;
mod client_driver;
mod clients;
mod clocks;
mod faults;
mod handlers;
mod links;
mod mangler;
mod network;
mod server;
mod trace;
mod world;

pub use clients::{ClientSeen, Sent};
pub use faults::{Faults, FaultsSeen};
pub use handlers::{Handlers, Job, JobDone};
pub use mangler::{Delivery, Mangler};
pub use network::{Network, in_process};
pub use world::{ClientId, LinkId, ServerSeen, SimClock, World, WorldConfig};
