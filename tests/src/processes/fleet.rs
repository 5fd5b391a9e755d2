//! A server and its clients as processes, and the deeds that are done to them, from a seed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::child::ChildProcess;
use super::words::Words;

/// The longest wait until a client that was asked to finish has its last verdicts: far above all deadlines of its calls.
const FINISH: Duration = Duration::from_secs(20);
/// The longest wait for a killed server's port.
const PORT: Duration = Duration::from_secs(5);

/// One deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// The server is killed, and started on the same port after a while.
    KillServer(Duration),
    /// The server is stopped, killed while it is stopped, and started again.
    KillStoppedServer(Duration),
    /// The server is stopped for a while.
    StopServer(Duration),
    /// A client is killed, and another one started in its place.
    KillClient(usize),
    /// A client is stopped for a while.
    StopClient(usize, Duration),
}

impl Deed {
    /// Draws the next deed. Without `server_kills` the server is never killed: one that keeps its state in memory would
    /// forget it.
    pub(crate) fn draw(random: &mut fastrand::Rng, clients: usize, server_kills: bool) -> Self {
        let mut millis = |most| Duration::from_millis(random.u64(0..most));
        let (down, short, long) = (millis(40), millis(120), millis(300));
        let client = random.usize(0..clients.max(1));
        match random.u32(if server_kills { 0..100 } else { 45..100 }) {
            0..38 => Deed::KillServer(down),
            38..45 => Deed::KillStoppedServer(down),
            45..62 => Deed::StopServer(short),
            62..85 => Deed::KillClient(client),
            _ => Deed::StopClient(client, long),
        }
    }
}

/// Counts of deeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deeds {
    /// Servers that were killed.
    pub(crate) server_kills: u64,
    /// Clients that were killed.
    pub(crate) client_kills: u64,
    /// Servers that were stopped for a while.
    pub(crate) server_stops: u64,
    /// Clients that were stopped for a while.
    pub(crate) client_stops: u64,
}

impl Deeds {
    /// Returns the number of all deeds.
    pub(crate) fn total(&self) -> u64 {
        self.server_kills + self.client_kills + self.server_stops + self.client_stops
    }

    /// Adds the counts of another fleet.
    pub(crate) fn add(&mut self, other: Deeds) {
        self.server_kills += other.server_kills;
        self.client_kills += other.client_kills;
        self.server_stops += other.server_stops;
        self.client_stops += other.client_stops;
    }
}

/// The roles and words of a fleet.
pub(crate) struct Plan<'a> {
    /// The role of the server.
    pub(crate) server: &'static str,
    /// Its words, but for the address.
    pub(crate) server_words: Words,
    /// The role of a client.
    pub(crate) client: &'static str,
    /// Its words, by its number and the address of the server.
    pub(crate) client_words: &'a dyn Fn(u64, SocketAddr) -> Words,
}

/// A server and its clients. All processes are killed when it is dropped.
pub(crate) struct Fleet<'a> {
    plan: Plan<'a>,
    server: ChildProcess,
    /// The address of the server: the same after each start.
    address: SocketAddr,
    /// The address that clients connect to.
    entrance: SocketAddr,
    clients: Vec<ChildProcess>,
    /// The number of clients that were started.
    pub(crate) started: u64,
    /// The deeds so far.
    pub(crate) deeds: Deeds,
}

impl<'a> Fleet<'a> {
    /// Starts a server at an address, port 0 for any.
    pub(crate) fn start(plan: Plan<'a>, listen: SocketAddr) -> Result<Self, String> {
        let words = plan.server_words.clone().with("listen", listen);
        let (server, address) = ChildProcess::listen(plan.server, &words)?;
        let (clients, deeds) = (Vec::new(), Deeds::default());
        Ok(Fleet { plan, server, address, entrance: address, clients, started: 0, deeds })
    }

    /// Returns the address of the server.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts so many clients, which connect to `entrance`: the server itself, or what is before it.
    pub(crate) fn man(&mut self, clients: usize, entrance: SocketAddr) -> Result<(), String> {
        self.entrance = entrance;
        for _ in 0..clients {
            let client = self.new_client()?;
            self.clients.push(client);
        }
        Ok(())
    }

    fn new_client(&mut self) -> Result<ChildProcess, String> {
        let number = self.started;
        self.started += 1;
        ChildProcess::start(self.plan.client, &(self.plan.client_words)(number, self.entrance))
    }

    /// Does one deed. A process that has ended by itself is an error: only this fleet may end one.
    pub(crate) fn undergo(&mut self, deed: Deed) -> Result<(), String> {
        for process in self.clients.iter_mut().chain([&mut self.server]) {
            if let Some(status) = process.ended()? {
                return Err(format!("a process ended by itself: {status}"));
            }
        }
        match deed {
            Deed::KillServer(down) => {
                self.server.kill()?;
                std::thread::sleep(down);
                self.restart()?;
                self.deeds.server_kills += 1;
            }
            Deed::KillStoppedServer(down) => {
                self.server.stop()?;
                std::thread::sleep(down);
                self.server.kill()?;
                self.restart()?;
                self.deeds.server_kills += 1;
            }
            Deed::StopServer(length) => {
                self.server.stop()?;
                std::thread::sleep(length);
                self.server.go_on()?;
                self.deeds.server_stops += 1;
            }
            Deed::KillClient(which) => {
                let client = self.new_client()?;
                if let Some(place) = self.clients.get_mut(which) {
                    std::mem::replace(place, client).kill()?;
                    self.deeds.client_kills += 1;
                }
            }
            Deed::StopClient(which, length) => {
                if let Some(client) = self.clients.get(which) {
                    client.stop()?;
                    std::thread::sleep(length);
                    client.go_on()?;
                    self.deeds.client_stops += 1;
                }
            }
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<(), String> {
        let words = self.plan.server_words.clone().with("listen", self.address);
        let until = Instant::now() + PORT;
        loop {
            match ChildProcess::listen(self.plan.server, &words) {
                Ok((server, _)) => {
                    self.server = server;
                    return Ok(());
                }
                Err(why) if Instant::now() >= until => return Err(why),
                Err(_) => std::thread::sleep(Duration::from_millis(10)), // the port may still be taken
            }
        }
    }

    /// Lets the clients finish their calls, then ends the server: nothing runs after it.
    pub(crate) fn finish(mut self) -> Result<Deeds, String> {
        let until = Instant::now() + FINISH;
        self.clients.iter_mut().for_each(ChildProcess::ask_to_finish);
        for client in &mut self.clients {
            client.finished(until)?;
        }
        if let Some(status) = self.server.ended()? {
            return Err(format!("the server ended by itself: {status}"));
        }
        self.server.kill()?;
        Ok(self.deeds)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::mem::discriminant;

    use super::Deed;

    fn drawn(seed: u64, server_kills: bool) -> Vec<Deed> {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..200).map(|_| Deed::draw(&mut random, 3, server_kills)).collect()
    }

    #[test]
    fn a_seed_draws_the_same_deeds_again_and_all_kinds_of_them() {
        assert_eq!(drawn(7, true), drawn(7, true));
        assert_ne!(drawn(7, true), drawn(8, true));
        assert_eq!(drawn(7, true).iter().map(discriminant).collect::<HashSet<_>>().len(), 5);
    }

    #[test]
    fn a_server_that_must_keep_its_state_is_stopped_and_never_killed() {
        let deeds = drawn(7, false);
        assert!(deeds.iter().any(|deed| matches!(deed, Deed::StopServer(_))));
        assert!(!deeds.iter().any(|deed| matches!(deed, Deed::KillServer(_) | Deed::KillStoppedServer(_))));
    }
}
