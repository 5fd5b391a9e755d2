//! One thread that waits for all sockets at once: the common part of the fixed pool and the plain event loop. The framework's
//! own loop (rpc-core/src/net/server) is this with bounds, fairness and an end.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use rpc_core::proto::server::{ConnId, ReadyCall};

use crate::protocol::{Protocol, Sink};

const LISTEN: Token = Token(usize::MAX);

impl Sink for TcpStream {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&mut &*self).write(bytes)
    }

    fn end(&self) {
        let _ = self.shutdown(Shutdown::Both); // it may be closed already
    }
}

/// Reads from every socket that is readable, and passes each call to `on_call`.
pub(crate) fn serve(
    protocol: &Arc<Protocol>,
    listener: std::net::TcpListener,
    mut on_call: impl FnMut(ReadyCall),
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTEN, Interest::READABLE)?;
    let mut streams = HashMap::new();
    let mut events = Events::with_capacity(1024);
    let mut room = vec![0; 64 << 10];
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            match event.token() {
                LISTEN => accept(protocol, &listener, poll.registry(), |conn, stream| {
                    streams.insert(conn, stream);
                })?,
                Token(conn) => {
                    if event.is_writable() {
                        protocol.write(conn); // the output that did not fit before
                    }
                    let Some(stream) = streams.get(&conn) else { continue };
                    let mut calls = Vec::new();
                    if event.is_readable() && !read(protocol, conn, stream, &mut room, &mut calls) {
                        streams.remove(&conn);
                        protocol.closed(conn);
                    }
                    // Not earlier: a client that gets its replies while its socket is read could keep the loop for itself.
                    calls.into_iter().for_each(&mut on_call);
                }
            }
        }
        protocol.flush();
    }
}

/// Accepts all connections that wait, registers them with the poll, and hands each to `on_connection`.
pub(crate) fn accept(
    protocol: &Protocol,
    listener: &TcpListener,
    registry: &Registry,
    mut on_connection: impl FnMut(ConnId, Arc<TcpStream>),
) -> io::Result<()> {
    loop {
        let (mut stream, address) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        let (conn, stream) = protocol.connected(address, |conn| {
            registry.register(&mut stream, Token(conn), Interest::READABLE | Interest::WRITABLE)?;
            Ok(Arc::new(stream))
        })?;
        on_connection(conn, stream);
    }
}

/// Reads all there is, and adds its calls to `calls`. Returns false if the connection has ended.
fn read(
    protocol: &Protocol,
    conn: ConnId,
    mut stream: &TcpStream,
    room: &mut [u8],
    calls: &mut Vec<ReadyCall>,
) -> bool {
    loop {
        match stream.read(room) {
            Ok(0) => return false,
            Ok(count) => {
                calls.extend(protocol.received(conn, room.get(..count).unwrap_or_default()));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}
