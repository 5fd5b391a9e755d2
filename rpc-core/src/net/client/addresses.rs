//! Layer 4: the addresses of a server: fixed ones, or a name that is looked up again when connecting fails.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs};
use std::sync::Arc;

/// The addresses of a server: fixed ones, or a name that is looked up again when connecting fails.
///
/// Made from text (`"host:port"`), from a pair of a host and a port, or from one or more [`SocketAddr`]. All of them must be of
/// the same server, or of servers that stand for each other: a session belongs to the server that has opened it.
///
/// ```
/// use rpc_core::Addresses;
///
/// let name: Addresses = "localhost:7000".into();
/// let pair: Addresses = ("localhost", 7000).into();
/// // A source of one's own, such as a file that names the servers. It is asked again when connecting fails.
/// let source = Addresses::resolved_by(|| Ok(vec![([127, 0, 0, 1], 7000).into()]));
/// # let _ = (name, pair, source);
/// ```
#[derive(Clone)]
pub struct Addresses(Source);

/// The source of the addresses.
#[derive(Clone)]
enum Source {
    /// Addresses that never change.
    Fixed(Arc<[SocketAddr]>),
    /// A function that is called for each lookup.
    Resolved(Arc<dyn Fn() -> io::Result<Vec<SocketAddr>> + Send + Sync>),
}

impl Addresses {
    /// Returns the addresses that `resolve` returns, now and each time that connecting fails. Later calls have a thread of their
    /// own, so that a slow one delays no call.
    pub fn resolved_by(resolve: impl Fn() -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Addresses(Source::Resolved(Arc::new(resolve)))
    }

    /// Looks the addresses up. It may wait for the network.
    pub(super) fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match &self.0 {
            Source::Fixed(addresses) => Ok(addresses.to_vec()),
            Source::Resolved(resolve) => resolve(),
        }
    }

    /// Returns true if another lookup may return other addresses.
    pub(super) fn may_change(&self) -> bool {
        matches!(self.0, Source::Resolved(_))
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Fixed(addresses) => f.debug_list().entries(addresses.iter()).finish(),
            Source::Resolved(_) => f.write_str("Addresses(looked up)"),
        }
    }
}

impl From<String> for Addresses {
    fn from(text: String) -> Self {
        match text.parse::<SocketAddr>() {
            Ok(address) => address.into(),
            Err(_) => Addresses::resolved_by(move || text.to_socket_addrs().map(Iterator::collect)),
        }
    }
}

impl From<(String, u16)> for Addresses {
    fn from((host, port): (String, u16)) -> Self {
        match host.parse::<IpAddr>() {
            Ok(ip) => (ip, port).into(),
            Err(_) => {
                Addresses::resolved_by(move || (host.as_str(), port).to_socket_addrs().map(Iterator::collect))
            }
        }
    }
}

impl From<Vec<SocketAddr>> for Addresses {
    fn from(addresses: Vec<SocketAddr>) -> Self {
        Addresses(Source::Fixed(addresses.into()))
    }
}

/// Implements the conversion from a type by way of one of the three above.
macro_rules! from {
    ($([$($generic:tt)*] $type:ty, $value:ident => $by:expr;)*) => {$(
        impl<$($generic)*> From<$type> for Addresses {
            fn from($value: $type) -> Self {
                Addresses::from($by)
            }
        }
    )*};
}

from! {
    [] &str, text => text.to_owned();
    [] &String, text => text.clone();
    [] (&str, u16), pair => (pair.0.to_owned(), pair.1);
    [] (IpAddr, u16), pair => SocketAddr::from(pair);
    [] (Ipv4Addr, u16), pair => SocketAddr::from(pair);
    [] (Ipv6Addr, u16), pair => SocketAddr::from(pair);
    [] SocketAddr, address => vec![address];
    [] &SocketAddr, address => vec![*address];
    [] SocketAddrV4, address => SocketAddr::from(address);
    [] SocketAddrV6, address => SocketAddr::from(address);
    [] &[SocketAddr], addresses => addresses.to_vec();
    [const N: usize] [SocketAddr; N], addresses => addresses.to_vec();
    [const N: usize] &[SocketAddr; N], addresses => addresses.to_vec();
}
