//! The framework's own server, for comparison: one event loop, which another thread takes over when a handler is slow,
//! or one such loop for each core. Its code is not that of the models.

use std::io;
use std::sync::Arc;

use rpc_core::Server;
use rpc_core::ServerLimits;

use crate::api::{KvServer, Store};

/// Far more than the default: as many waiting handlers as there are connections, at most 10,000, possibly all on one of
/// two loops. A call beyond it would be refused as busy, and the other models refuse nothing.
const THREADS: usize = 20_000;

pub(crate) fn bind(store: &Arc<Store>, loops: usize) -> io::Result<Server> {
    let limits = ServerLimits { threads: THREADS, ..ServerLimits::default() };
    let server = Server::builder().service(KvServer::shared(Arc::clone(store))).limits(limits).loops(loops);
    server.bind("127.0.0.1:0").map_err(io::Error::other)
}
