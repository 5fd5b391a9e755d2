//! The server on bare mio: one thread; one read carries many requests, and their replies leave in one write.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rpc_ours::Failure;
use slab::Slab;

use super::framing::{Language, Store};

const LISTENER: Token = Token(usize::MAX);
/// The room that all connections share for reading: more than 256 small requests.
const ROOM: usize = 256 * 1024;
/// A connection at rest keeps no buffer larger than this.
const KEPT: usize = 4096;

struct Connection {
    stream: TcpStream,
    /// The beginning of a request whose end has not been read.
    input: Vec<u8>,
    /// The end of replies that the socket did not take.
    output: Vec<u8>,
}

/// The buffers of the loop.
struct Buffers {
    room: Vec<u8>,
    replies: Vec<u8>,
}

pub(crate) fn serve(address: SocketAddr, language: Language) -> Result<(), Failure> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(address)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut events, mut connections, mut store) =
        (Events::with_capacity(1024), Slab::new(), Store::filled(language));
    let mut buffers = Buffers { room: vec![0; ROOM], replies: Vec::new() };
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut connections)?;
                continue;
            }
            let Some(connection) = connections.get_mut(event.token().0) else { continue };
            let flushed = !event.is_writable() || connection.flush();
            if !(flushed && (!event.is_readable() || connection.read(&mut buffers, &mut store)?)) {
                connections.remove(event.token().0);
            }
        }
    }
}

fn accept(listener: &TcpListener, poll: &Poll, connections: &mut Slab<Connection>) -> Result<(), Failure> {
    while let Ok((mut stream, _)) = listener.accept() {
        stream.set_nodelay(true)?;
        let place = connections.vacant_entry();
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(place.key()), both)?;
        place.insert(Connection { stream, input: Vec::new(), output: Vec::new() });
    }
    Ok(())
}

impl Connection {
    /// Reads until the socket is empty. Returns false if the connection has ended.
    fn read(&mut self, buffers: &mut Buffers, store: &mut Store) -> Result<bool, Failure> {
        let Buffers { room, replies } = buffers;
        loop {
            let count = match self.stream.read(room) {
                Ok(0) => return Ok(false),
                Ok(count) => count,
                Err(error) => return Ok(error.kind() == ErrorKind::WouldBlock),
            };
            replies.clear();
            if self.input.is_empty() {
                let used = store.answer(&room[..count], replies)?;
                self.input.extend_from_slice(&room[used..count]);
            } else {
                self.input.extend_from_slice(&room[..count]);
                let used = store.answer(&self.input, replies)?;
                self.input.drain(..used);
                if self.input.is_empty() && self.input.capacity() > KEPT {
                    self.input = Vec::new();
                }
            }
            if !replies.is_empty() && !self.write(replies) {
                return Ok(false);
            }
            if count < room.len() {
                return Ok(true);
            }
        }
    }

    /// Writes replies, and keeps what the socket does not take. Returns false if the connection has ended.
    fn write(&mut self, replies: &[u8]) -> bool {
        if !self.output.is_empty() {
            self.output.extend_from_slice(replies);
            return self.flush();
        }
        let mut written = 0;
        while written < replies.len() {
            match self.stream.write(&replies[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        self.output.extend_from_slice(&replies[written..]);
        true
    }

    fn flush(&mut self) -> bool {
        let mut written = 0;
        while written < self.output.len() {
            match self.stream.write(&self.output[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        self.output.drain(..written);
        if self.output.is_empty() && self.output.capacity() > KEPT {
            self.output = Vec::new();
        }
        true
    }
}
