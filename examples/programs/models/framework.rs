//! Models 5 and 6, the framework's own server: one event loop, which another thread takes over when a handler is slow,
//! or one event loop for each core.

use std::io;

use rpc_core::Server;
use rpc_core::ServerLimits;

use crate::api::{KvServer, Store};

/// Far more than the default: as many waiting handlers as there are connections, at most 10,000, possibly all on one of
/// two loops. A call beyond it would be refused as busy, and the other models refuse nothing.
const THREADS: usize = 20_000;

pub(crate) fn bind(store: Store, loops: usize) -> io::Result<Server> {
    let limits = ServerLimits { threads: THREADS, ..ServerLimits::default() };
    let server = Server::builder().service(KvServer::new(store)).limits(limits).loops(loops);
    server.bind("127.0.0.1:0").map_err(io::Error::other)
}
