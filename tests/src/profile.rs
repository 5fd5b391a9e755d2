//! What goes wrong in a run: one profile per kind of trouble, chosen by the seed.

use std::time::Duration;

use rpc_core::limits::{ClientLimits, ServerLimits};
use rpc_core::sim::{Faults, Handlers, WorldConfig};

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// None.
    Calm,
    /// Frames are lost.
    Lossy,
    /// Frames come twice and overtake each other.
    Doubling,
    /// Connections are cut, also in mid-frame, and half of them stay half open.
    Cutting,
    /// Nothing passes for seconds.
    Partitions,
    /// The server crashes; clients do too.
    Restarts,
    /// Leases are short and connections are gone for long.
    Expiry,
    /// The server drains and another one takes its place.
    Drain,
    /// Few slots, slow handlers, short queues, small budgets.
    Crowded,
    /// Bits are turned.
    Corrupting,
    /// A client that does what it likes stands beside the others.
    Hostile,
    /// Everything at once.
    All,
}

/// All profiles, in the order in which seeds choose them.
pub const PROFILES: [Profile; 12] = [
    Profile::Calm,
    Profile::Lossy,
    Profile::Doubling,
    Profile::Cutting,
    Profile::Partitions,
    Profile::Restarts,
    Profile::Expiry,
    Profile::Drain,
    Profile::Crowded,
    Profile::Corrupting,
    Profile::Hostile,
    Profile::All,
];

impl Profile {
    /// The profile of a seed.
    pub fn of(seed: u64) -> Profile {
        PROFILES[(seed % PROFILES.len() as u64) as usize]
    }

    /// What the network does.
    pub fn faults(self) -> Faults {
        let ms = Duration::from_millis;
        let usual = Faults::none().delay(ms(0), ms(20)).split(0.2).short_write(0.1);
        match self {
            Profile::Calm => Faults::none(),
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
        }
    }

    /// Whether a session can end without its client asking for it: then calls may be unknown for ever.
    pub fn loses_sessions(self) -> bool {
        matches!(self, Profile::Restarts | Profile::Expiry | Profile::Drain | Profile::All)
    }

    /// Whether an honest side may take the other one for broken: only where bits are turned.
    pub fn may_look_broken(self) -> bool {
        self == Profile::Corrupting
    }

    /// The world of a run.
    pub fn world(self, seed: u64) -> WorldConfig {
        let crowded = self == Profile::Crowded;
        let limits = ServerLimits {
            slots: 8,
            max_frame: 8 << 10,
            max_cached_reply: 512,
            reply_budget: if crowded { 2 << 10 } else { 64 << 10 },
            reply_age: Duration::from_secs(2),
            lease: Duration::from_secs(if self == Profile::Expiry { 2 } else { 90 }),
            queue: if crowded { 4 } else { 16 },
            queue_bytes: 16 << 10,
            sessions: if crowded { 6 } else { 65_536 },
            unsent_pause: 4 << 10,
            grace: Duration::from_secs(10),
            ..ServerLimits::default()
        };
        let handlers = Handlers {
            slow: if crowded { 0.6 } else { 0.25 },
            longest: Duration::from_millis(if crowded { 4000 } else { 2500 }),
            at_once: if crowded { 2 } else { 4 },
        };
        WorldConfig { limits, handlers, ..WorldConfig::new(seed, self.faults()) }
    }

    /// A client's bounds.
    pub fn client(self, random: &mut fastrand::Rng) -> ClientLimits {
        ClientLimits {
            slots: random.u16(1..6),
            waiting: if self == Profile::Crowded { 6 } else { 4096 },
            ack_at_once: 256,
            max_frame: if random.u8(0..4) == 0 { 4 << 10 } else { 4 << 20 }, // less than the largest replies
            all_dirty: Duration::from_secs(2),
            ..ClientLimits::default()
        }
    }
}
