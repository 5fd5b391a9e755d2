//! Model 1, a thread per connection: it reads, runs the calls of its connection one after another, and writes.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use crate::api::Store;
use crate::protocol::Protocol;
use crate::threads::accept;

pub(crate) fn serve(listener: &TcpListener, store: &Arc<Store>) -> io::Result<()> {
    let protocol = Protocol::start(store)?;
    accept(&protocol, listener, |protocol, call| {
        protocol.run(&call);
        Ok(())
    })
}
