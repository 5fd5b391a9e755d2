//! TCP and Unix sockets as one type: the proxy passes bytes from one kind to the other.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::str::FromStr;
use std::time::Duration;

/// The time for a connection to the server: what a client of the library waits for one address.
const CONNECT: Duration = Duration::from_secs(2);

/// The address of the server, as it was given.
#[derive(Debug)]
pub(super) enum Server {
    /// HOST:PORT; the name is looked up for each connection.
    Tcp(String),
    /// The path of a Unix socket.
    #[cfg(unix)]
    Unix(String),
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(path) = text.strip_prefix("unix:") else {
            let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
            return match port {
                Some(Ok(_)) => Ok(Server::Tcp(text.to_owned())),
                _ => Err(format!(
                    "{text} is no address of a server, as 127.0.0.1:4000 and unix:/run/kv.sock are"
                )),
            };
        };
        #[cfg(unix)]
        return match path {
            "" => Err("a path follows `unix:`, as in unix:/run/kv.sock".to_owned()),
            path => Ok(Server::Unix(path.to_owned())),
        };
        #[cfg(not(unix))]
        Err(format!("unix:{path}: this operating system has no Unix sockets that this program can use"))
    }
}

impl Server {
    pub(super) fn connect(&self) -> io::Result<Socket> {
        match self {
            Server::Tcp(text) => {
                let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
                for address in text.to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, CONNECT) {
                        Ok(stream) => return Ok(Socket::Tcp(stream)),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            #[cfg(unix)]
            Server::Unix(path) => UnixStream::connect(path).map(Socket::Unix),
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    /// Returns a second handle of the same connection.
    pub(super) fn second(&self) -> io::Result<Socket> {
        Ok(match self {
            Socket::Tcp(stream) => {
                stream.set_nodelay(true)?; // a frame is not held back for a larger packet
                Socket::Tcp(stream.try_clone()?)
            }
            #[cfg(unix)]
            Socket::Unix(stream) => Socket::Unix(stream.try_clone()?),
        })
    }

    /// Closes one direction or both. The other side may have done it already.
    pub(super) fn shutdown(&self, how: Shutdown) {
        let _ = match self {
            Socket::Tcp(stream) => stream.shutdown(how),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.shutdown(how),
        };
    }

    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Socket::Tcp(stream) => stream.read(into),
                #[cfg(unix)]
                Socket::Unix(stream) => stream.read(into),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.write_all(bytes),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.write_all(bytes),
        }
    }
}
