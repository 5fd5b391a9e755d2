//! The common part of both models with threads: a thread for each connection, which reads and blocks.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rpc_core::proto::server::ReadyCall;

use crate::protocol::{Protocol, Sink};

/// A peer that does not read for this time counts as lost.
const STALL: Duration = Duration::from_secs(5);

impl Sink for TcpStream {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&mut &*self).write(bytes)
    }

    fn end(&self) {
        let _ = self.shutdown(Shutdown::Both); // it may be gone already
    }
}

/// Go: `for { conn, err := l.Accept(); go rpcs.ServeConn(conn) }`. `on_call` decides which thread runs a call.
pub(crate) fn accept(
    protocol: &Arc<Protocol>,
    listener: &TcpListener,
    on_call: fn(&Arc<Protocol>, ReadyCall) -> io::Result<()>,
) -> io::Result<()> {
    loop {
        let (stream, address) = listener.accept()?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(STALL))?;
        let protocol = Arc::clone(protocol);
        thread::Builder::new().spawn(move || {
            let Ok((conn, stream)) = protocol.connected(address, |_| Ok(Arc::new(stream))) else { return };
            let mut room = [0; 4096];
            while let Ok(count @ 1..) = (&*stream).read(&mut room) {
                let calls = protocol.received(conn, room.get(..count).unwrap_or_default());
                protocol.flush(); // WELCOME, and what else is no call
                if calls.into_iter().try_for_each(|call| on_call(&protocol, call)).is_err() {
                    break; // no thread to be had: the client learns it by the end of its connection
                }
            }
            protocol.closed(conn);
        })?;
    }
}
