//! The framework as a peer of a measurement: the service, its server, and the loads of its client.

mod load;
pub mod meter;
mod service;
pub mod work;

pub use load::{idle, load};
pub use service::{Peer, PeerClient, PeerServer, Store, serve};

/// Any error of a load or of a server.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
