//! Model 2, a thread per call, as Go's `net/rpc` does with goroutines: `go service.call(..)`.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use crate::api::Store;
use crate::protocol::Protocol;
use crate::threads::accept;

pub(crate) fn serve(listener: &TcpListener, store: &Arc<Store>) -> io::Result<()> {
    let protocol = Protocol::start(store)?;
    accept(&protocol, listener, |protocol, call| {
        let protocol = Arc::clone(protocol);
        thread::Builder::new().spawn(move || protocol.run(&call)).map(|_| ())
    })
}
