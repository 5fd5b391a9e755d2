//! The parts of `prove`: each is bounded and seeded, shows its progress, and ends in one line and an exit status.
//!
//! ```text
//! simulate: ok seeds=2000 calls=220000 ..
//! simulate: FAILED seed=17 rule="V6: .." replay: cargo run --release -p rpc-tests --bin prove -- replay simulate --seed 17
//! ```

mod attack;
mod costs;
mod explore;
mod histories;
mod interleave;
mod kill;
mod million;
mod mutants;
mod options;
mod progress;
mod recovery;
mod report;
mod scenes;
mod siege;
mod simulate;
mod stop;

pub use options::{Options, Usage};
pub use progress::Progress;
pub use report::{Failure, Report};

/// One part of the proof.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The word on the command line.
    pub name: &'static str,
    /// One line for `--help`: the options that the part reads, and their defaults.
    pub help: &'static str,
    /// The seconds that `prove all` gives the part, unless `--seconds` says otherwise: together they are below 25 minutes.
    pub share: u64,
    /// Runs the part.
    pub run: fn(&Options, &mut Progress) -> Report,
    /// Replays one seed, or one named case, and prints what happens in it.
    pub replay: fn(&Options) -> Report,
}

/// All parts, in the order in which `prove all` runs them.
pub const PARTS: &[Part] = &[
    simulate::PART,
    explore::EXPLORE,
    interleave::INTERLEAVE,
    kill::PART,
    histories::PART,
    attack::PART,
    siege::PART,
    mutants::PART,
];

/// Parts that `prove all` leaves out: those that judge times, which another program on the machine can spoil, those that need
/// a program that is not Rust's, and one that takes long.
pub const APART: &[Part] = &[million::PART, stop::PART, recovery::PART, costs::PART];
