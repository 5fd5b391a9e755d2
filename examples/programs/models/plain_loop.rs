//! Model 4, the plain event loop of the notes: one thread, and handlers run on it. A handler that waits stops everything.

use std::io;
use std::net::TcpListener;

use crate::api::Store;
use crate::protocol::Protocol;
use crate::readiness;

pub(crate) fn serve(listener: TcpListener, store: Store) -> io::Result<()> {
    let protocol = Protocol::start(store)?;
    readiness::serve(&protocol, listener, |call| protocol.run(&call))
}
