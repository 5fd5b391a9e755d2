//! The setup of a run: faults, limits, clients and trouble, drawn from its profile and its seed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use rpc_core::contract::Contract;
use rpc_core::limits::{ClientLimits, STRIKES_PER_SECOND, STRIKES_PER_SLOT, STRIKES_SPARE, ServerLimits};
use rpc_core::proto::client::ClientConfig;
use rpc_sim::{Faults, Handlers, WorldConfig};

use crate::ledger::{named_only, other, served};
use crate::profile::Profile;
use crate::swarm::swarm;

/// Everything that is decided before a run begins.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The world.
    pub world: WorldConfig,
    /// Its clients.
    pub clients: Vec<ClientSetup>,
    /// The trouble that they meet.
    pub trouble: Trouble,
    /// A session can end without its client asking for it: then calls may be unknown for ever.
    pub loses_sessions: bool,
    /// An honest side may take the other one for broken: only where bits are turned.
    pub may_look_broken: bool,
    /// Bodies may arrive changed: only where bits are turned on sessions without checksums.
    pub may_change_bodies: bool,
}

/// One client.
#[derive(Clone, Debug)]
pub struct ClientSetup {
    /// Its bounds and times.
    pub limits: ClientLimits,
    /// The contracts that its stubs were built for.
    pub contract: &'static Contract,
    /// Feature bits to ask for.
    pub features: u32,
    /// The address that it connects from.
    pub peer: Option<SocketAddr>,
}

/// The greatest number of times that each kind of trouble happens in a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trouble {
    /// Nothing passes for seconds.
    pub partitions: u64,
    /// Every connection is cut.
    pub cuts: u64,
    /// The server's process ends, and begins again.
    pub crashes: u64,
    /// A client's process ends and begins again.
    pub client_crashes: u64,
    /// The server drains.
    pub drains: u64,
    /// A hostile client does something.
    pub hostile: u64,
    /// A client says HELLO, makes no call, and goes.
    pub strangers: u64,
    /// The network plays a connection with which a client opened its session again.
    pub replays: u64,
    /// A client does not read for a while, and slowly from then on.
    pub deaf: u64,
    /// A client or the server stands still for a while.
    pub pauses: u64,
    /// A client's or the server's clock jumps or changes its rate.
    pub clocks: u64,
}

impl Setup {
    /// Returns true if no client looks like a flood, whatever the network and the processes do: it sends no call again sooner than by
    /// default, or so few frames that those of the longest silence fit into an empty bucket at once, and those of all later time
    /// into what the bucket loses meanwhile (W38).
    pub fn never_floods(&self) -> bool {
        self.keeps_pauses() || self.clients.iter().all(|client| self.fits(&client.limits))
    }

    /// Returns true if what such a client sends without use is never more than the bucket of a connection takes.
    fn fits(&self, limits: &ClientLimits) -> bool {
        let slots = f64::from(limits.slots.min(self.world.limits.slots));
        let silence = limits.ping_after * (limits.ping_limit + 1) * SILENCES;
        let (mut at, mut pause, mut calls) = (Duration::ZERO, limits.resend_first, 1.0);
        while at <= silence {
            calls += 1.0;
            at += pause;
            pause = (pause * 2).min(limits.resend_cap);
        }
        let at_once = COPIES * (slots * (calls + BESIDE) + f64::from(limits.ping_limit * SILENCES));
        let hurry = if self.trouble.clocks > 0 { FASTEST } else { 1.0 };
        let each_second = slots / limits.resend_cap.as_secs_f64() + limits.ping_after.as_secs_f64().recip();
        let room = f64::from(STRIKES_PER_SLOT) * slots + f64::from(STRIKES_SPARE);
        at_once <= room && COPIES * hurry * each_second <= f64::from(STRIKES_PER_SECOND) + slots
    }

    /// Returns true if no client sends a call again sooner than by default: one that does may send more of them at once, after
    /// its server or its network stood still, than a server takes (W38).
    pub fn keeps_pauses(&self) -> bool {
        let usual = ClientLimits::default();
        self.clients.iter().all(|client| {
            client.limits.resend_first >= usual.resend_first && client.limits.resend_cap >= usual.resend_cap
        })
    }

    /// Draws the setup of a seed.
    pub fn of(seed: u64, profile: Profile, random: &mut fastrand::Rng) -> Setup {
        let mut setup = Setup {
            world: world(profile, seed),
            clients: Vec::new(),
            trouble: trouble(profile),
            loses_sessions: false,
            may_look_broken: matches!(profile, Profile::Corrupting | Profile::Unchecked),
            may_change_bodies: profile == Profile::Unchecked,
        };
        let count = match profile {
            Profile::Full => random.usize(3..=6),
            Profile::Wide => 1,
            _ => random.usize(1..=4),
        };
        for index in 0..count {
            let client = client(profile, index, &setup, random);
            setup.clients.push(client);
        }
        if profile == Profile::Swarm {
            swarm(&mut setup, random);
        }
        let trouble = setup.trouble;
        let limits = &setup.world.limits;
        // A short lease ends sessions; and a cap, of all or of a source, evicts those whose calls have not arrived yet.
        let of_source = limits.sessions_per_source.unwrap_or(NO_CAP);
        let ends = limits.lease < LONG_LEASE || limits.sessions.min(of_source) < NO_CAP;
        setup.loses_sessions = ends || trouble.crashes + trouble.drains + trouble.clocks > 0;
        setup
    }

    /// Returns true if every client can have a session: then none is turned away for good.
    pub fn has_room(&self) -> bool {
        let limits = &self.world.limits;
        let of_loop = |most: usize| (most / self.world.loops).max(1) * self.world.loops;
        let of_source = of_loop(limits.sessions_per_source.unwrap_or(limits.sessions.div_ceil(4)));
        let capped = limits.sessions < NO_CAP || of_source < NO_CAP / 4;
        // Sessions of clients that crashed, and of strangers, fill the place until their lease is over.
        let lasting = limits.lease > Duration::from_secs(10);
        self.clients.len() <= of_loop(limits.sessions) && of_source >= 2 && !(capped && lasting)
    }

    /// The configuration of a client's process, each time that it begins.
    pub fn config(&self, index: usize, random: &mut fastrand::Rng) -> ClientConfig {
        let client = &self.clients[index];
        ClientConfig {
            limits: client.limits.clone(),
            contracts: vec![client.contract],
            features: client.features,
            seed: random.u64(..),
        }
    }
}

/// Copies of a frame that the network may deliver.
const COPIES: f64 = 2.0;
/// Frames of a slot beside its CALLs: a CANCEL and an ACK.
const BESIDE: f64 = 2.0;
/// Times of silence after which a client would leave its connection, that may pass before it does: what is on its way ends the
/// first of them.
const SILENCES: u32 = 2;
/// A client's clock beside its server's: four times the world's, and a quarter of it.
const FASTEST: f64 = 16.0;

/// A lease that outlives everything that happens to a connection in a run.
pub const LONG_LEASE: Duration = Duration::from_secs(200);

/// More sessions than any run opens.
pub const NO_CAP: usize = 65_536;

/// The faults of the network.
fn faults(profile: Profile) -> Faults {
    let ms = Duration::from_millis;
    let usual = Faults::none().delay(ms(0), ms(20)).split(0.2).short_write(0.1);
    match profile {
        Profile::Calm | Profile::Swarm => Faults::none(),
        Profile::Lossy => usual.drop(0.1).stall(0.05).late(ms(1500)),
        Profile::Doubling => usual.duplicate(0.3).reorder(0.3).late(ms(3000)),
        Profile::Cutting => usual.cut(0.05).half_open(0.5).refuse(0.2),
        Profile::Partitions => usual.drop(0.02).stall(0.05).half_open(0.5),
        Profile::Restarts => usual.drop(0.02).duplicate(0.05).reorder(0.05).half_open(0.3),
        Profile::Expiry => usual.drop(0.03).cut(0.02).half_open(0.5).refuse(0.3),
        Profile::Drain => usual.drop(0.03).duplicate(0.05).reorder(0.05).cut(0.01),
        Profile::Crowded => usual.duplicate(0.05).drop(0.02).cut(0.005),
        Profile::Hostile => usual.drop(0.02).cut(0.005),
        Profile::Corrupting => usual.corrupt(0.02).drop(0.02),
        Profile::All => Faults::bad().late(ms(2000)).half_open(0.4),
        Profile::Loops => usual.cut(0.04).half_open(0.3).drop(0.02).duplicate(0.05),
        Profile::Stuck => usual.drop(0.15),
        Profile::Full => usual.cut(0.03).half_open(0.2),
        Profile::Slow => usual,
        Profile::Clocks => usual.drop(0.02).duplicate(0.02).cut(0.01),
        Profile::Wide => usual.drop(0.02).duplicate(0.02).cut(0.01),
        Profile::Unchecked => usual.corrupt(0.04).drop(0.02),
    }
}

fn world(profile: Profile, seed: u64) -> WorldConfig {
    let (crowded, full, slow) =
        (profile == Profile::Crowded, profile == Profile::Full, profile == Profile::Slow);
    let limits = ServerLimits {
        slots: if profile == Profile::Wide { 200 } else { 8 },
        max_frame: 8 << 10,
        max_cached_reply: if slow { 8 << 10 } else { 512 },
        reply_budget: if crowded { 2 << 10 } else { 64 << 10 },
        reply_age: Duration::from_secs(2),
        lease: match profile {
            Profile::Expiry => Duration::from_secs(2),
            Profile::Full => Duration::from_secs(10),
            _ => LONG_LEASE,
        },
        queue: if crowded { 4 } else { 16 },
        queue_bytes: 16 << 10,
        sessions: if full { 4 } else { NO_CAP },
        sessions_per_source: full.then_some(3),
        unsent_pause: 4 << 10,
        unsent_stall: Duration::from_secs(if slow { 2 } else { 30 }),
        grace: Duration::from_secs(10),
        ..ServerLimits::default()
    };
    let handlers = Handlers {
        slow: match profile {
            Profile::Crowded => 0.6,
            Profile::Wide => 0.9,
            Profile::Stuck => 0.5,
            _ => 0.25,
        },
        longest: Duration::from_millis(match profile {
            Profile::Crowded | Profile::Stuck | Profile::Wide => 4000,
            _ => 2500,
        }),
        at_once: match profile {
            Profile::Crowded => 2,
            Profile::Wide => 120,
            _ => 4,
        },
    };
    let loops = match profile {
        Profile::Loops => 3,
        Profile::Drain | Profile::All => 2,
        _ => 1,
    };
    let window = if slow { 4 << 10 } else { 128 << 10 };
    WorldConfig { limits, handlers, loops, window, watch: true, ..WorldConfig::new(seed, faults(profile)) }
}

fn trouble(profile: Profile) -> Trouble {
    let none = Trouble::default();
    match profile {
        Profile::Partitions => Trouble { partitions: 5, ..none },
        Profile::Cutting => Trouble { cuts: 5, client_crashes: 2, replays: 4, ..none },
        Profile::Doubling => Trouble { replays: 4, ..none },
        Profile::Restarts => Trouble { crashes: 4, client_crashes: 2, ..none },
        Profile::Expiry => Trouble { partitions: 5, cuts: 5, ..none },
        Profile::Drain => Trouble { drains: 2, ..none },
        Profile::Hostile => Trouble { hostile: 150, ..none },
        Profile::All => {
            Trouble { partitions: 5, cuts: 5, crashes: 4, client_crashes: 2, drains: 2, strangers: 4, ..none }
        }
        Profile::Loops => Trouble { cuts: 5, replays: 4, ..none },
        Profile::Full => Trouble { strangers: 30, client_crashes: 3, cuts: 3, ..none },
        Profile::Slow => Trouble { deaf: 8, ..none },
        Profile::Clocks => Trouble { pauses: 8, clocks: 8, ..none },
        _ => none,
    }
}

fn client(profile: Profile, index: usize, setup: &Setup, random: &mut fastrand::Rng) -> ClientSetup {
    let limits = ClientLimits {
        slots: match profile {
            Profile::Wide => 130,
            Profile::Stuck => random.u16(1..3),
            _ => random.u16(1..6),
        },
        waiting: if profile == Profile::Crowded { 6 } else { 4096 },
        ack_at_once: 256,
        max_frame: if random.u8(0..4) == 0 { 4 << 10 } else { 4 << 20 }, // less than the largest replies
        all_orphaned: Duration::from_millis(if profile == Profile::Stuck { 300 } else { 2_000 }),
        ..ClientLimits::default()
    };
    let contract = match (index, random.u8(0..4)) {
        (0, _) => other(),
        (_, 0) => named_only(),
        _ => served(),
    };
    let unchecked = setup.may_change_bodies || (random.u8(0..5) == 0 && !setup.may_look_broken);
    ClientSetup { limits, contract, features: u32::from(unchecked), peer: Some(address(index)) }
}

/// Two clients share each address.
pub fn address(index: usize) -> SocketAddr {
    let last = u8::try_from(index / 2).unwrap_or(u8::MAX);
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), 4_000)
}
