//! Models 5 and 6, the framework's own server: one event loop that changes hands when a handler is slow, or one for each
//! core.

use std::io;

use rpc_core::Server;
use rpc_core::limits::ServerLimits;

use crate::api::{KvServer, Store};

/// Far more than the default: as many handlers that wait as there are connections, 10,000 at the most, and on one of two
/// loops if it comes to that. What exceeds it would be refused as busy, and no other model refuses anything.
const THREADS: usize = 20_000;

pub(crate) fn bind(store: Store, loops: usize) -> io::Result<Server> {
    let limits = ServerLimits { threads: THREADS, ..ServerLimits::default() };
    let server = Server::builder().service(KvServer::new(store)).limits(limits).loops(loops);
    server.bind("127.0.0.1:0").map_err(io::Error::other)
}
