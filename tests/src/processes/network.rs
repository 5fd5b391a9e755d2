//! The network before a server: a proxy with faults, and behind it one that keeps the bytes of connections and sends them again.

use std::net::SocketAddr;
use std::time::Duration;

use rpc_sim::{FaultProxy, Faults, FaultsSeen};

use super::replay::Replayer;

/// A network between a server and its clients.
#[derive(Debug)]
pub(crate) struct Network {
    // Dropped first: it ends the connections of the replayer.
    proxy: FaultProxy,
    replayer: Replayer,
}

/// The faults that a network has made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Troubles {
    /// Those of the proxy.
    pub(crate) faults: FaultsSeen,
    /// Connections that were sent again, whole.
    pub(crate) replays: u64,
    /// Their bytes.
    pub(crate) replayed_bytes: u64,
}

impl Troubles {
    /// Adds the faults of another network.
    pub(crate) fn add(&mut self, other: Troubles) {
        self.faults = self.faults.plus(other.faults);
        self.replays += other.replays;
        self.replayed_bytes += other.replayed_bytes;
    }
}

impl Network {
    /// Starts a network before a server. `openings`: connections that open a session are sent again too.
    pub(crate) fn start(
        server: SocketAddr,
        openings: bool,
        random: &mut fastrand::Rng,
        seed: u64,
    ) -> Result<Self, String> {
        let error = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
        let replayer = Replayer::start(server, openings).map_err(error("the replayer"))?;
        let proxy = FaultProxy::start(([127, 0, 0, 1], 0).into(), replayer.addr(), faults(random), seed);
        Ok(Network { proxy: proxy.map_err(error("the fault proxy"))?, replayer })
    }

    /// Returns the address for clients to connect to.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.proxy.addr()
    }

    /// Makes trouble in six of ten draws, and returns false in the others: a connection is sent again, all are cut, or nothing
    /// passes for a while.
    pub(crate) fn disturb(&self, random: &mut fastrand::Rng) -> bool {
        match random.u32(0..10) {
            0..4 => drop(self.replayer.replay(random)), // at the start there is none to send again
            4 => self.proxy.cut_all(),
            5 => self.proxy.partition(Duration::from_millis(random.u64(1..80))),
            _ => return false,
        }
        true
    }

    /// Returns the faults so far.
    pub(crate) fn troubles(&self) -> Troubles {
        let (replays, replayed_bytes) = self.replayer.replays();
        Troubles { faults: self.proxy.seen(), replays, replayed_bytes }
    }
}

/// Draws the faults of a network: only slow, or lossy, or with many cuts.
fn faults(random: &mut fastrand::Rng) -> Faults {
    let slow = Faults { split: 0.2, late: Duration::from_millis(100), ..Faults::none() };
    match random.u32(0..4) {
        0 => slow,
        1 => Faults { drop: 0.005, duplicate: 0.02, reorder: 0.02, stall: 0.002, ..slow },
        2 => Faults { cut: 0.004, half_open: 0.2, refuse: 0.1, duplicate: 0.01, short_write: 0.1, ..slow },
        _ => Faults { corrupt: 0.001, cut: 0.001, drop: 0.002, duplicate: 0.05, ..slow },
    }
}
