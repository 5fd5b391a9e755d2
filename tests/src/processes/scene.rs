//! One seed of `prove kill` and `prove million`: a fleet, its deeds, and the judgement of what its processes wrote.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::fleet::{Deed, Deeds, Fleet, Plan};
use super::journal::{Folder, ids, lines};
use super::judge::{Judged, Told};
use super::network::{Network, Troubles};
use super::once;
use super::words::Words;

/// The settings of a scene.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Deeds after which it ends.
    pub(crate) deeds: u64,
    /// False if the duplicate filter is off.
    pub(crate) filter: bool,
    /// True if there is a network with faults before the server, which also sends connections again.
    pub(crate) network: bool,
    /// The time after which no deed is done.
    pub(crate) until: Instant,
}

/// Deeds of one scene: what its processes write meanwhile fits into memory many times.
pub(crate) const DEEDS: u64 = 25;

/// The outcome of a scene.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The deeds that were done.
    pub(crate) deeds: Deeds,
    /// The faults of the network, if there is one.
    pub(crate) troubles: Troubles,
    /// Counts, and the rules that were broken.
    pub(crate) judged: Judged,
}

/// An address of its own for a scene: no connection of another program has it, so its port stays free while the server is
/// away, and a client that connects meanwhile cannot meet itself.
fn address(seed: u64) -> SocketAddr {
    let [a, b, ..] = (seed ^ u64::from(std::process::id()).rotate_left(7)).to_le_bytes();
    SocketAddr::from(([127, 77, a, b.clamp(1, 254)], 0))
}

/// Plays a scene until its deeds are done or the time is over.
pub(crate) fn play(seed: u64, setting: Setting) -> Result<Outcome, String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = Folder::new(&format!("kill-{seed}"))?;
    let (runs, journal) =
        (folder.file("runs"), |client: u64| folder.file(&format!("client-{client}.journal")));
    // Sessions that end while their client is stopped, and sessions that do not.
    let lease = if random.bool() { 60_000 } else { 150 };
    let (sessions, lanes) = (random.u64(1..=2), random.u64(2..=4));
    let forks = random.bool();
    let (depth, deadline) = (random.u64(1..=8), random.u64(150..=900));
    let server_words = Words::default()
        .with("runs", runs.display())
        .with("filter", if setting.filter { "on" } else { "off" })
        .with("lease", lease)
        .with("loops", random.u64(1..=2));
    let client_words = |number: u64, to: SocketAddr| {
        let words = Words::default().with("to", to).with("journal", journal(number).display());
        let words = words.with("client", number).with("sessions", sessions).with("lanes", lanes);
        words.with("depth", depth).with("deadline", deadline).with("forks", forks)
    };
    let plan = Plan { server: once::SERVER, server_words, client: once::CLIENT, client_words: &client_words };
    let mut fleet = Fleet::start(plan, address(seed))?;
    let clients = random.usize(2..=3);
    // A server that starts anew has forgotten all nonces, so a connection that opens a session is not sent again.
    let network = || Network::start(fleet.address(), false, &mut random, seed);
    let network = setting.network.then(network).transpose()?;
    let entrance = network.as_ref().map_or(fleet.address(), Network::addr);
    fleet.man(clients, entrance)?;
    while fleet.deeds.total() < setting.deeds && Instant::now() < setting.until {
        std::thread::sleep(Duration::from_millis(random.u64(5..80)));
        if !network.as_ref().is_some_and(|network| network.disturb(&mut random)) {
            fleet.undergo(Deed::draw(&mut random, clients, true))?;
        }
    }
    let started = fleet.started;
    let deeds = fleet.finish()?;
    let troubles = network.map(|network| network.troubles()).unwrap_or_default();
    let mut told = Told::default();
    for client in 0..started {
        told.read(&lines(&journal(client))?)?;
    }
    Ok(Outcome { deeds, troubles, judged: told.judge(&ids(&runs)?) })
}
