//! Layer 2: the other side of a server's connection: a host and its port, or a process of the same machine.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The process at the other end of a Unix socket, as the kernel has noted it when the socket was connected.
///
/// The kernel vouches for it: a process cannot claim to be another user. The number of a process may be used again once it has
/// ended, so decide by `uid` and `gid`, and log `pid`.
///
/// ```
/// use rpc_core::{Around, CallContext, Health, PeerCredentials, Refused};
///
/// /// Lets two users of this machine call.
/// fn allow(cx: &CallContext) -> Result<(), Refused> {
///     match cx.credentials() {
///         Some(PeerCredentials { uid: 0 | 1000, .. }) => Ok(()),
///         _ => Err(Refused::denied("this service is for the administrator")),
///     }
/// }
///
/// let service = Around::new(Health::new(), allow);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCredentials {
    /// The effective user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
    /// The process, where the operating system tells it.
    pub pid: Option<u32>,
}

impl PeerCredentials {
    /// Returns credentials that the operating system has told.
    #[doc(hidden)] // for layer 4
    pub fn new(uid: u32, gid: u32, pid: Option<u32>) -> Self {
        PeerCredentials { uid, gid, pid }
    }
}

/// The other side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A connection of TCP, from this address.
    Tcp(SocketAddr),
    /// A connection of a Unix socket; `None` if the operating system does not tell its process.
    Unix(Option<PeerCredentials>),
}

/// The source that the bounds for each source count for. Tables have one for each of many connections, so it is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceId {
    /// A host with an IPv4 address.
    V4(Ipv4Addr),
    /// A host with an IPv6 address.
    V6(Ipv6Prefix),
    /// A user of this machine, by number. All whose number is not known are one source.
    User(Option<u32>),
}

/// The first 64 bits of an IPv6 address: one host may use all addresses that begin with them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ipv6Prefix([u8; 8]);

impl Peer {
    /// Returns the source that the bounds for each source count the peer for.
    pub fn source(&self) -> SourceId {
        match self {
            Peer::Tcp(address) => SourceId::of_host(address.ip()),
            Peer::Unix(credentials) => SourceId::User(credentials.map(|credentials| credentials.uid)),
        }
    }

    /// Returns the address of a peer that has connected over TCP.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Peer::Tcp(address) => Some(*address),
            Peer::Unix(_) => None,
        }
    }

    /// Returns the credentials of a peer that has connected over a Unix socket.
    pub fn credentials(&self) -> Option<PeerCredentials> {
        match self {
            Peer::Tcp(_) => None,
            Peer::Unix(credentials) => *credentials,
        }
    }
}

impl SourceId {
    /// Returns the source of connections from this address.
    pub fn of_host(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => SourceId::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                SourceId::V6(Ipv6Prefix([a, b, c, d, e, f, g, h]))
            }
        }
    }
}

impl fmt::Debug for Ipv6Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut octets = [0; 16];
        octets[..8].copy_from_slice(&self.0);
        write!(f, "{}/64", Ipv6Addr::from(octets))
    }
}

impl From<IpAddr> for SourceId {
    fn from(address: IpAddr) -> Self {
        SourceId::of_host(address)
    }
}

impl From<[u8; 4]> for SourceId {
    fn from(address: [u8; 4]) -> Self {
        SourceId::of_host(address.into())
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(address) => address.fmt(f),
            Peer::Unix(None) => f.write_str("unix"),
            Peer::Unix(Some(PeerCredentials { uid, pid: Some(pid), .. })) => {
                write!(f, "unix, user {uid}, process {pid}")
            }
            Peer::Unix(Some(PeerCredentials { uid, .. })) => write!(f, "unix, user {uid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(uid: u32, pid: u32) -> Peer {
        Peer::Unix(Some(PeerCredentials::new(uid, 5, Some(pid))))
    }

    #[test]
    fn v19_the_processes_of_a_user_are_one_source_and_other_users_and_hosts_are_others() {
        let host = Peer::Tcp("127.0.0.1:7".parse().expect("an address"));
        assert_eq!(user(1, 10).source(), user(1, 11).source());
        let sources = [user(1, 10).source(), user(2, 10).source(), Peer::Unix(None).source(), host.source()];
        for (at, source) in sources.iter().enumerate() {
            assert_eq!(sources.iter().position(|other| other == source), Some(at));
        }
    }

    #[test]
    fn a_source_takes_twelve_bytes_and_its_prefix_is_shown_as_one() {
        assert!(size_of::<Option<SourceId>>() <= 12, "each connection has some");
        let source = SourceId::of_host("2001:db8:1:2:3::4".parse().expect("an address"));
        assert_eq!(format!("{source:?}"), "V6(2001:db8:1:2::/64)");
    }

    #[test]
    fn a_peer_is_shown_by_what_is_known_of_it() {
        assert_eq!(user(1, 10).to_string(), "unix, user 1, process 10");
        assert_eq!(Peer::Unix(None).to_string(), "unix");
        assert_eq!(Peer::Tcp("[::1]:7".parse().expect("an address")).to_string(), "[::1]:7");
    }
}
