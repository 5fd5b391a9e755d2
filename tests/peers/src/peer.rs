//! The peers, and the works that each can do.

use clap::ValueEnum;
use rpc_ours::work::Work;

/// One of the programs that are measured side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Peer {
    /// This framework
    Ours,
    /// This framework, whose threads look for events for 50 us before they sleep
    OursSpin,
    /// This framework, in the build that --before names
    Before,
    /// The most that mio and our codec allow: no API, no bounds, no filter
    Raw,
    /// The same with owned types, as a plain framework has them: the targets were set against it
    RawOwned,
    /// The least that sockets need: blocking reads and writes, no codec
    Blocking,
    /// tarpc on tokio with two threads, its usual way
    Tarpc,
    /// tarpc on tokio with one thread
    TarpcSingle,
    /// tonic: gRPC on tokio with two threads
    Tonic,
    /// capnp-rpc on tokio with one thread
    Capnp,
    /// Go's net/rpc
    Go,
    /// redis, driven by the client of `raw`
    Redis,
}

impl Peer {
    /// Returns true if the peer can do this work.
    pub(crate) fn does(self, work: &Work) -> bool {
        match self {
            // With more than one call in flight there is something to do, and no thread looks for long.
            Peer::Blocking | Peer::OursSpin => work.is_timed(),
            // Their clients have no blocking calls, and are one thread: 64 in flight are measured by `get64`.
            Peer::Raw | Peer::RawOwned | Peer::Redis => !work.threads,
            _ => true,
        }
    }

    /// Returns true if the memory of its idle connections is a figure: not for the threads of `blocking`, nor twice for one program.
    pub(crate) fn has_idle(self) -> bool {
        !matches!(self, Peer::Blocking | Peer::OursSpin | Peer::RawOwned)
    }
}
