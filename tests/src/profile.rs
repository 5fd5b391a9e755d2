//! The kinds of trouble: one for each seed. Fixed ones show one kind at a time; a swarm draws a subset of all.

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
    /// The server drains, ends, and another one takes its place.
    Drain,
    /// Few slots, slow handlers, short queues, small budgets.
    Crowded,
    /// Bits are turned.
    Corrupting,
    /// A client that does what it likes stands beside the others.
    Hostile,
    /// Many faults at once.
    All,
    /// The server has several loops, and connections change between them.
    Loops,
    /// All slots wait for lost replies, and a second session takes the calls.
    Stuck,
    /// More clients come than there is room for, from few addresses.
    Full,
    /// Clients read slowly, or nothing for a while.
    Slow,
    /// Clocks differ, jump and stand still, and so do their processes.
    Clocks,
    /// More than 64 slots.
    Wide,
    /// Bits are turned on sessions without checksums of bodies.
    Unchecked,
    /// A random subset of all faults and limits.
    Swarm,
}

/// All profiles, in the order in which seeds choose them. A fifth of the seeds are swarms: they find what no profile was
/// made for.
pub const PROFILES: [Profile; 24] = [
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
    Profile::Loops,
    Profile::Stuck,
    Profile::Full,
    Profile::Slow,
    Profile::Clocks,
    Profile::Wide,
    Profile::Unchecked,
    Profile::Swarm,
    Profile::Swarm,
    Profile::Swarm,
    Profile::Swarm,
    Profile::Swarm,
];

impl Profile {
    /// Returns the profile of a seed.
    pub fn of(seed: u64) -> Profile {
        PROFILES[(seed % PROFILES.len() as u64) as usize]
    }

    /// Returns the profile of this name, whatever its case.
    pub fn named(name: &str) -> Option<Profile> {
        PROFILES.into_iter().find(|profile| format!("{profile:?}").eq_ignore_ascii_case(name))
    }
}
