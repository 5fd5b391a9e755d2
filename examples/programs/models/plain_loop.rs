//! Models 4 and 5, the plain event loop of the notes: one thread, and handlers run on it, so that a handler that waits stops
//! everything; and the same on each core.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use crate::api::Store;
use crate::protocol::Protocol;
use crate::readiness;

pub(crate) fn serve(listener: TcpListener, store: &Arc<Store>) -> io::Result<()> {
    let protocol = Protocol::start(store)?;
    readiness::serve(&protocol, listener, |call| protocol.run(&call))
}

/// A loop for each listener. The loops share the store and nothing else: no lock of the protocol is shared by two of them.
pub(crate) fn serve_each(listeners: Vec<TcpListener>, store: &Arc<Store>) -> io::Result<()> {
    let loops = listeners.into_iter().map(|listener| {
        let store = Arc::clone(store);
        thread::Builder::new().spawn(move || serve(listener, &store))
    });
    let loops: Vec<_> = loops.collect::<io::Result<_>>()?;
    loops
        .into_iter()
        .try_for_each(|of_core| of_core.join().unwrap_or_else(|_| Err(io::Error::other("a loop panicked"))))
}
