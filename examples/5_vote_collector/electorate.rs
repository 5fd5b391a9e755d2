//! The voters: their answers, their delays and their troubles, all decided by the seed.

use std::fmt;
use std::time::Duration;

use crate::arguments::VoteOptions;
use crate::voter::VoterOptions;

/// Time that the slow voter thinks: longer than any collector waits.
const SLOW: Duration = Duration::from_secs(60);

/// The trouble of a voter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// No server listens at its address.
    Down,
    /// It thinks for longer than the collector waits.
    Slow,
    /// It is asked through the fault proxy, which loses, doubles and delays frames.
    BadNetwork,
}

/// A voter before it is started.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) voter: VoterOptions,
    pub(crate) trouble: Trouble,
}

/// Returns all voters. One in ten is down, one in ten is slow, one in five is behind the fault proxy; at least one of each.
pub(crate) fn electorate(options: &VoteOptions) -> Vec<Plan> {
    let mut dice = Dice(options.seed);
    let mut plans: Vec<Plan> = (1..=options.voters)
        .map(|number| Plan {
            name: format!("voter {number}"),
            voter: VoterOptions {
                thinks: Duration::from_millis(20 + dice.below(280)),
                yes: dice.below(10) < 7,
                stranger: options.stranger == Some(number),
            },
            trouble: Trouble::None,
        })
        .collect();
    let tenth = usize::from(options.voters / 10).max(1);
    let troubles = [(Trouble::Down, tenth), (Trouble::Slow, tenth), (Trouble::BadNetwork, 2 * tenth)];
    for (trouble, count) in troubles {
        for _ in 0..count {
            // A voter with another trait has trouble enough: it must be reachable.
            let well: Vec<&mut Plan> = plans.iter_mut().filter(|plan| plan.is_well()).collect();
            let choice = dice.below(well.len().max(1) as u64);
            if let Some(plan) = well.into_iter().zip(0..).find(|(_, place)| *place == choice) {
                plan.0.trouble = trouble;
            }
        }
    }
    for plan in plans.iter_mut().filter(|plan| plan.trouble == Trouble::Slow) {
        plan.voter.thinks = SLOW;
    }
    plans
}

impl Plan {
    fn is_well(&self) -> bool {
        self.trouble == Trouble::None && !self.voter.stranger
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trouble::None => "well",
            Trouble::Down => "down",
            Trouble::Slow => "slow",
            Trouble::BadNetwork => "behind the fault proxy",
        })
    }
}

/// The seed's choices (SplitMix64): the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
