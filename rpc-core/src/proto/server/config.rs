//! Layer 2: what a server's protocol is made with.

use bytes::Bytes;

use super::connection::ConnId;
use crate::contract::Directory;
use crate::ids::Incarnation;
use crate::limits::ServerLimits;

/// The parts that a server's protocol is made with.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The bounds. Those that are for all loops together are divided by `loops`.
    pub limits: ServerLimits,
    /// The services.
    pub directory: Directory,
    /// The name of this life of the server.
    pub incarnation: Incarnation,
    /// The number of this loop.
    pub loop_number: u8,
    /// The number of loops.
    pub loops: usize,
    /// `false` switches the duplicate filter off, for teaching: a duplicate of a call runs again.
    pub at_most_once: bool,
}

/// A connection whose session belongs to another loop. It is taken out of this one and handed over.
#[derive(Clone, Debug)]
pub struct HandOver {
    /// The connection. It is already gone from this loop.
    pub conn: ConnId,
    /// The loop that it goes to.
    pub to_loop: u8,
    /// All bytes read so far, its HELLO first.
    pub input: Bytes,
}
