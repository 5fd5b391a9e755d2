//! Layer 4: a listening socket of the operating system: bound here, or handed in by the program.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::unix::net::UnixListener;
#[cfg(unix)]
use std::path::Path;

use mio::{Interest, Registry, Token, event};
use socket2::{Domain, Protocol, Socket, Type};

#[cfg(unix)]
use super::socket_file::SocketFile;
use super::stream::Stream;
use crate::limits::BACKLOG;
use crate::net::address::Address;
use crate::proto::peer::Peer;

/// A socket that listens, for `ServerBuilder::listen_on`: bound by [`Listener::bind`], or made from a listener of the standard
/// library, such as one that systemd has handed to the process.
///
/// A listener that was handed in is used as it is: its backlog and, of a Unix socket, its file belong to the program that made it.
///
/// ```
/// use rpc_core::{Health, Listener, Server};
///
/// let mut listeners = vec![Listener::bind("127.0.0.1:0")?];
/// if let Ok(second) = std::net::TcpListener::bind("[::1]:0") {
///     listeners.push(Listener::from(second)); // bound elsewhere
/// }
/// let server = Server::builder().service(Health::new()).listen_on(listeners)?;
/// # Ok::<(), rpc_core::ServeError>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    /// The socket.
    socket: Bound,
    /// The file of a Unix socket that was bound here.
    #[cfg(unix)]
    file: Option<SocketFile>,
}

/// The socket of a [`Listener`].
#[derive(Debug)]
enum Bound {
    /// Listens at a port.
    Tcp(std::net::TcpListener),
    /// Listens at a path.
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listener {
    /// Listens at an address.
    pub(in crate::net) fn listen(address: &Address) -> io::Result<Self> {
        address.check()?;
        match address {
            Address::Tcp(address) => listen_tcp(*address).map(Listener::from),
            #[cfg(unix)]
            Address::Unix(path) => {
                let (listener, file) = SocketFile::bind(path)?;
                Ok(Listener { socket: Bound::Unix(listener), file: Some(file) })
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Returns the address at which it listens.
    pub(in crate::net) fn local_addr(&self) -> io::Result<Address> {
        match &self.socket {
            Bound::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            #[cfg(unix)]
            Bound::Unix(listener) => {
                let address = listener.local_addr()?;
                Ok(Address::Unix(address.as_pathname().unwrap_or(Path::new("")).into()))
            }
        }
    }
}

impl From<std::net::TcpListener> for Listener {
    fn from(listener: std::net::TcpListener) -> Self {
        Listener {
            socket: Bound::Tcp(listener),
            #[cfg(unix)]
            file: None,
        }
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Listener { socket: Bound::Unix(listener), file: None }
    }
}

/// Listens at a port.
fn listen_tcp(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    #[cfg(not(windows))] // on Windows this option would let two servers share a port
    socket.set_reuse_address(true)?; // a restarted server does not wait for the connections of the last one
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A listener in a poll.
#[derive(Debug)]
pub(in crate::net) struct PolledListener {
    /// The socket, which is closed before its file is removed.
    socket: Polled,
    /// The file of a Unix socket that was bound here.
    #[cfg(unix)]
    _file: Option<SocketFile>,
}

/// The socket of a [`PolledListener`].
#[derive(Debug)]
enum Polled {
    /// Listens at a port.
    Tcp(mio::net::TcpListener),
    /// Listens at a path.
    #[cfg(unix)]
    Unix(mio::net::UnixListener),
}

impl PolledListener {
    /// Makes a listener ready for a poll.
    pub(in crate::net) fn new(listener: Listener) -> io::Result<Self> {
        let socket = match listener.socket {
            Bound::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Polled::Tcp(mio::net::TcpListener::from_std(listener))
            }
            #[cfg(unix)]
            Bound::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Polled::Unix(mio::net::UnixListener::from_std(listener))
            }
        };
        Ok(PolledListener {
            socket,
            #[cfg(unix)]
            _file: listener.file,
        })
    }

    /// Accepts a connection.
    pub(in crate::net) fn accept(&self) -> io::Result<(Stream, Peer)> {
        match &self.socket {
            Polled::Tcp(listener) => {
                listener.accept().map(|(stream, peer)| (Stream::Tcp(stream), Peer::Tcp(peer)))
            }
            #[cfg(unix)]
            Polled::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                let peer = Peer::Unix(credentials(&stream));
                Ok((Stream::Unix(stream), peer))
            }
        }
    }
}

/// Asks the kernel for the process at the other end.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn credentials(stream: &mio::net::UnixStream) -> Option<crate::proto::peer::PeerCredentials> {
    let found = rustix::net::sockopt::socket_peercred(stream).ok()?;
    let pid = u32::try_from(found.pid.as_raw_nonzero().get()).ok();
    Some(crate::proto::peer::PeerCredentials::new(found.uid.as_raw(), found.gid.as_raw(), pid))
}

/// This operating system is not asked for the process at the other end.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn credentials(_: &mio::net::UnixStream) -> Option<crate::proto::peer::PeerCredentials> {
    None
}

impl event::Source for PolledListener {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match &mut self.socket {
            Polled::Tcp(listener) => listener.register(registry, token, interests),
            #[cfg(unix)]
            Polled::Unix(listener) => listener.register(registry, token, interests),
        }
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match &mut self.socket {
            Polled::Tcp(listener) => listener.reregister(registry, token, interests),
            #[cfg(unix)]
            Polled::Unix(listener) => listener.reregister(registry, token, interests),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match &mut self.socket {
            Polled::Tcp(listener) => listener.deregister(registry),
            #[cfg(unix)]
            Polled::Unix(listener) => listener.deregister(registry),
        }
    }
}
