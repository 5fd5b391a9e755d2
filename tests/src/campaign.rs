//! Many runs: seeds on a few threads, until all are done, a time is over, or enough rules are broken.

use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use crate::profile::Profile;
use crate::run::{Options, Report, run};
use crate::tally::Tally;

/// Broken rules after which a campaign ends: enough to see whether they are of one kind.
const ENOUGH: usize = 20;

/// Seeds that are new in each run lie below this: 12 digits are easily copied.
const SEEDS_END: u64 = 1_000_000_000_000;

/// The result of many runs.
#[derive(Debug, Default)]
pub struct Campaign {
    /// The cases that were hit.
    pub tally: Tally,
    /// Seeds that broke a rule, with the rule, the lowest first.
    pub broken: Vec<(u64, String)>,
}

/// Returns the seed that the variable `RPC_BASE` names, or else one from the operating system's randomness, by which the
/// standard library keys its hash maps.
pub fn fresh_seed() -> u64 {
    let named = std::env::var("RPC_BASE").ok().and_then(|text| text.parse().ok());
    named.unwrap_or_else(|| RandomState::new().hash_one(0) % SEEDS_END)
}

/// Runs a seed; a panic in it is a broken rule like any other.
pub fn guarded(seed: u64, options: Options) -> Report {
    let profile = Profile::of(seed);
    catch_unwind(AssertUnwindSafe(|| run(seed, profile, options))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let broken = Some(format!("panic: {}", text.unwrap_or_default()));
        Report { tally: Tally::default(), hash: 0, lines: Vec::new(), broken }
    })
}

/// Runs seeds on `threads` threads, until there are none or `stop` returns true.
pub fn campaign(
    seeds: impl Iterator<Item = u64> + Send,
    threads: usize,
    options: Options,
    stop: impl Fn(&Tally) -> bool + Sync,
) -> Campaign {
    let seeds = Mutex::new(seeds);
    let total = Mutex::new(Campaign::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = seeds.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(seed) = next else { return };
                    let report = guarded(seed, options);
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    total.tally.merge(&report.tally);
                    total.tally.add("runs", 1);
                    total.broken.extend(report.broken.map(|rule| (seed, rule)));
                    if total.broken.len() >= ENOUGH || stop(&total.tally) {
                        return;
                    }
                }
            });
        }
    });
    let mut total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    total.broken.sort();
    total
}
