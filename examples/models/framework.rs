//! Models 5 and 6, the framework's own server: one event loop that changes hands when a handler is slow, or one for each
//! core.

use std::io;

use rpc_core::Server;
use rpc_core::limits::ServerLimits;

use crate::api::{KvServer, Store};

/// More than the default: with 1,000 connections and handlers that wait, as many run at once.
const THREADS: usize = 1100;

pub(crate) fn bind(store: Store, loops: usize) -> io::Result<Server> {
    let limits = ServerLimits { threads: THREADS, ..ServerLimits::default() };
    let server = Server::builder().service(KvServer::new(store)).limits(limits).loops(loops);
    server.bind("127.0.0.1:0").map_err(io::Error::other)
}
