//! Layer 4: a stream of the operating system: TCP, or a Unix socket.

use std::io::{self, ErrorKind, Read, Write};
#[cfg(unix)]
use std::os::unix::fs::FileTypeExt;
#[cfg(unix)]
use std::path::Path;

use mio::net::TcpStream;
#[cfg(unix)]
use mio::net::UnixStream;
use mio::{Interest, Registry, Token, event};
use socket2::{SockRef, TcpKeepalive};

use crate::limits::{KEEPALIVE_AFTER, KEEPALIVE_EVERY, KEEPALIVE_TRIES};
use crate::log;
use crate::net::address::Address;

/// A stream that does not block.
#[derive(Debug)]
pub(in crate::net) enum Stream {
    /// A connection of TCP.
    Tcp(TcpStream),
    /// A connection of a Unix socket.
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    /// Begins to connect.
    ///
    /// # Errors
    /// Returns an error if it is known at once that the connection cannot be made.
    pub(in crate::net) fn connect(to: &Address) -> io::Result<Self> {
        match to {
            Address::Tcp(to) => TcpStream::connect(*to).map(Stream::Tcp),
            #[cfg(unix)]
            Address::Unix(path) => {
                UnixStream::connect(path).map(Stream::Unix).map_err(|error| explain(error, path))
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// Returns the error of the connection, once.
    pub(in crate::net) fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Stream::Tcp(stream) => stream.take_error(),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.take_error(),
        }
    }

    /// Checks that the stream is connected: only then it has a peer.
    pub(in crate::net) fn connected(&self) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.peer_addr().map(drop),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.peer_addr().map(drop),
        }
    }
}

impl Stream {
    /// Reads as much as `into` has room for behind its bytes. The room is not filled with zeros before, which takes as long as a copy.
    #[cfg(unix)]
    pub(in crate::net) fn read_more(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let room = rustix::buffer::spare_capacity(into);
        let read = match self {
            Stream::Tcp(stream) => rustix::io::read(stream, room),
            Stream::Unix(stream) => rustix::io::read(stream, room),
        };
        Ok(read?)
    }

    /// Reads as much as `into` has room for behind its bytes.
    #[cfg(not(unix))]
    pub(in crate::net) fn read_more(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let before = into.len();
        into.resize(into.capacity(), 0);
        let read = self.read(into.get_mut(before..).unwrap_or_default());
        into.truncate(before + read.as_ref().map_or(0, |count| *count));
        read
    }
}

/// Says what the errors of connecting to a path mean. A path without a socket is like a port at which nothing listens.
#[cfg(unix)]
fn explain(error: io::Error, path: &Path) -> io::Error {
    let (kind, why) = match error.kind() {
        ErrorKind::NotFound => (ErrorKind::ConnectionRefused, "there is no socket at this path"),
        ErrorKind::ConnectionRefused if is_socket(path) => {
            (ErrorKind::ConnectionRefused, "no server listens at this socket")
        }
        ErrorKind::ConnectionRefused => (ErrorKind::ConnectionRefused, "the file at this path is no socket"),
        ErrorKind::PermissionDenied => {
            (ErrorKind::PermissionDenied, "this user may not write to the socket, or not enter its folder")
        }
        ErrorKind::WouldBlock => {
            (ErrorKind::WouldBlock, "the server has not accepted its last connections yet")
        }
        _ => return error,
    };
    io::Error::new(kind, why)
}

/// Returns false if another kind of file is at the path: the kernel refuses a connection to it as to a socket without a server.
#[cfg(unix)]
fn is_socket(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Sets the options of a connection: small frames are sent at once, and the kernel notices a dead peer. A connection whose
/// kernel refuses an option still works; a connection that has ended already shows it at its first read. A Unix socket needs
/// none: it does not gather frames, and the kernel knows when its peer ends.
pub(in crate::net) fn set_options(stream: &Stream) {
    let stream = match stream {
        Stream::Tcp(stream) => stream,
        #[cfg(unix)]
        Stream::Unix(_) => return,
    };
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER);
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "macos",
        target_os = "freebsd",
        windows
    ))]
    let keepalive = keepalive.with_interval(KEEPALIVE_EVERY).with_retries(KEEPALIVE_TRIES);
    let set = stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_tcp_keepalive(&keepalive));
    if let Err(error) = set {
        log::debug!(%error, "a socket option was not set");
    }
}

impl Read for Stream {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(into),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    #[inline]
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(from),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.write(from),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(()) // a socket keeps no bytes back
    }
}

impl event::Source for Stream {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.register(registry, token, interests),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.register(registry, token, interests),
        }
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.reregister(registry, token, interests),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.reregister(registry, token, interests),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.deregister(registry),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.deregister(registry),
        }
    }
}
