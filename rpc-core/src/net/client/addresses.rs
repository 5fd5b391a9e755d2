//! Layer 4: the addresses of a server: fixed ones, or a name that is looked up again when connecting fails.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;

use crate::net::address::Address;
use crate::net::address_text;

/// The addresses of a server: fixed ones, or a name that is looked up again when connecting fails.
///
/// Made from text (`"host:port"`, or `"unix:/path"` for a Unix socket), from a pair of a host and a port, or from one or more
/// [`SocketAddr`] or [`Address`]. All of them must be of the same server, or of servers that stand for each other: a session belongs to
/// the server that has opened it. A server takes the same type, and listens at the first of them that is available.
///
/// ```
/// use rpc_core::Addresses;
///
/// let name: Addresses = "localhost:7000".into();
/// let pair: Addresses = ("localhost", 7000).into();
/// let path: Addresses = "unix:/run/kv.sock".into();
/// // A source of one's own, such as a file that names the servers. It is asked again when connecting fails.
/// let source = Addresses::resolved_by(|| Ok(vec![([127, 0, 0, 1], 7000).into()]));
/// # let _ = (name, pair, path, source);
/// ```
#[derive(Clone)]
pub struct Addresses(Source);

/// The source of the addresses.
#[derive(Clone)]
enum Source {
    /// Addresses that never change.
    Fixed(Arc<[Address]>),
    /// A function that is called for each lookup, and the name that it looks up, for messages.
    Resolved(Arc<str>, Arc<dyn Fn() -> io::Result<Vec<SocketAddr>> + Send + Sync>),
}

impl Addresses {
    /// Returns the addresses that `resolve` returns, now and each time that connecting fails. Later calls have a thread of their
    /// own, so that a slow one delays no call.
    pub fn resolved_by(resolve: impl Fn() -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Addresses::named("a source of addresses", resolve)
    }

    /// Returns the addresses that a name has, now and each time that connecting fails.
    fn named(name: &str, resolve: impl Fn() -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Addresses(Source::Resolved(name.into(), Arc::new(resolve)))
    }

    /// Looks the addresses up. It may wait for the network.
    pub(in crate::net) fn resolve(&self) -> io::Result<Vec<Address>> {
        match &self.0 {
            Source::Fixed(addresses) => {
                addresses.iter().try_for_each(Address::check)?;
                Ok(addresses.to_vec())
            }
            Source::Resolved(_, resolve) => Ok(resolve()?.into_iter().map(Address::Tcp).collect()),
        }
    }

    /// Returns true if another lookup may return other addresses.
    pub(super) fn may_change(&self) -> bool {
        matches!(self.0, Source::Resolved(..))
    }
}

/// The addresses as they were given.
impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Fixed(addresses) => {
                let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(", "))
            }
            Source::Resolved(name, _) => f.write_str(name),
        }
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Addresses({self})")
    }
}

impl From<String> for Addresses {
    fn from(text: String) -> Self {
        if let Some(path) = Address::of_unix_text(&text) {
            return path.into();
        }
        match text.parse::<SocketAddr>() {
            Ok(address) => address.into(),
            Err(_) => {
                let name = text.clone();
                Addresses::named(&name, move || address_text::look_up(&text))
            }
        }
    }
}

impl From<(String, u16)> for Addresses {
    fn from((host, port): (String, u16)) -> Self {
        match host.parse::<IpAddr>() {
            Ok(ip) => (ip, port).into(),
            Err(_) => {
                Addresses::named(&format!("{host}:{port}"), move || address_text::look_up_pair(&host, port))
            }
        }
    }
}

impl From<Vec<Address>> for Addresses {
    fn from(addresses: Vec<Address>) -> Self {
        Addresses(Source::Fixed(addresses.into()))
    }
}

impl From<Vec<SocketAddr>> for Addresses {
    fn from(addresses: Vec<SocketAddr>) -> Self {
        addresses.into_iter().map(Address::Tcp).collect::<Vec<_>>().into()
    }
}

/// Implements the conversion from a type by way of one of those above.
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
    [] Address, address => vec![address];
    [] &Address, address => vec![address.clone()];
    [] SocketAddr, address => vec![address];
    [] &SocketAddr, address => vec![*address];
    [] SocketAddrV4, address => SocketAddr::from(address);
    [] SocketAddrV6, address => SocketAddr::from(address);
    [] &[SocketAddr], addresses => addresses.to_vec();
    [const N: usize] [SocketAddr; N], addresses => addresses.to_vec();
    [const N: usize] &[SocketAddr; N], addresses => addresses.to_vec();
}
