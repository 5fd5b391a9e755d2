//! Layer 4: the address of a server: an IP address with a port, or the path of a Unix socket.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::limits::MAX_UNIX_PATH;

/// The text before the path of a Unix socket.
const UNIX: &str = "unix:";

/// The address of a server: an IP address with a port, or the path of a Unix socket.
///
/// It is shown as it may be written: `127.0.0.1:7000`, `unix:/run/kv.sock`.
///
/// ```
/// use rpc_core::{Address, Health, Server};
///
/// let server = Server::builder().service(Health::new()).bind("127.0.0.1:0")?;
/// for address in server.addresses() {
///     match address {
///         Address::Tcp(address) => println!("port {}", address.port()),
///         Address::Unix(path) => println!("the file {}", path.display()),
///         other => println!("{other}"),
///     }
/// }
/// # Ok::<(), rpc_core::ServeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// An IP address with a port.
    Tcp(SocketAddr),
    /// The path of a Unix socket. Empty if the socket has none.
    Unix(Arc<Path>),
}

impl Address {
    /// Returns the address of a text that names a Unix socket: `unix:` and its path.
    pub(super) fn of_unix_text(text: &str) -> Option<Self> {
        text.strip_prefix(UNIX).map(|path| Address::Unix(Path::new(path).into()))
    }

    /// Checks a path before the operating system does, whose message is shorter.
    pub(super) fn check(&self) -> io::Result<()> {
        let Address::Unix(path) = self else { return Ok(()) };
        let bytes = path.as_os_str().len();
        let wrong = if !cfg!(unix) {
            "this operating system has no Unix sockets that this library can use".to_owned()
        } else if bytes == 0 {
            "a path follows `unix:`, as in unix:/run/kv.sock".to_owned()
        } else if bytes > MAX_UNIX_PATH {
            format!("the path of a Unix socket has at most {MAX_UNIX_PATH} bytes, and this one has {bytes}")
        } else if path.as_os_str().as_encoded_bytes().contains(&0) {
            "the path of a Unix socket has no byte 0".to_owned()
        } else {
            return Ok(());
        };
        Err(io::Error::new(ErrorKind::InvalidInput, wrong))
    }

    /// Returns true if both are of one family: IPv4, IPv6, or Unix sockets.
    pub(super) fn is_same_family(&self, other: &Address) -> bool {
        match (self, other) {
            (Address::Tcp(one), Address::Tcp(other)) => one.is_ipv4() == other.is_ipv4(),
            (Address::Unix(_), Address::Unix(_)) => true,
            _ => false,
        }
    }

    /// Returns the address if it is one of TCP.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Address::Tcp(address) => Some(*address),
            Address::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Address::Tcp(address)
    }
}

impl PartialEq<SocketAddr> for Address {
    fn eq(&self, other: &SocketAddr) -> bool {
        self.tcp() == Some(*other)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_it_is_written() {
        let path = Address::of_unix_text("unix:/run/kv.sock").expect("a path");
        assert_eq!(path, Address::Unix(Path::new("/run/kv.sock").into()));
        assert_eq!(path.to_string(), "unix:/run/kv.sock");
        assert_eq!(Address::of_unix_text("127.0.0.1:80"), None);
        assert_eq!(Address::Tcp(([127, 0, 0, 1], 80).into()).to_string(), "127.0.0.1:80");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_no_socket_can_have_is_refused_with_the_reason() {
        let longest = format!("unix:/{}", "x".repeat(MAX_UNIX_PATH - 1));
        let cases = [
            ("unix:", "a path follows"),
            (&format!("{longest}x"), "has at most"),
            ("unix:a\0b", "no byte 0"),
        ];
        for (text, why) in cases {
            let error = Address::of_unix_text(text).expect("a path").check().expect_err(text);
            assert!(error.to_string().contains(why), "{error}");
        }
        Address::of_unix_text(&longest).expect("a path").check().expect("the longest");
    }
}
