//! `semantics`: the same appends over the same bad network, by a caller that never retries (Go's `net/rpc`), by one that
//! retries until a reply comes (at least once), by the framework (at most once), and by the framework with a store (exactly once); and the store that each leaves.

mod callers;
mod report;
mod run;
mod story;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use rpc_examples::status::{Failure, Status, finish};

const TEMPLATE: &str = "\
{about}

Examples:
  semantics                              all four modes, side by side
  semantics --mode no-retry --seed 7     one mode, another network
  semantics --restarts 3                 the server dies three times on the way
  semantics --copies 0.05                the network repeats frames, as TCP never does
  semantics --mode no-retry --trace      the story of the first append that went wrong

{usage-heading} {usage}

{all-args}

The network is simulated, in virtual time: the same options give the same output.
Exit status: 0 every mode gave what it promises, 1 one did not, 2 usage.";

/// Sends the same appends through the same bad network under each semantics, and counts what the store holds.
#[derive(Debug, Parser)]
#[command(name = "semantics", version, help_template = TEMPLATE)]
pub(crate) struct Options {
    /// Run only this mode; without it, all four
    #[arg(long)]
    mode: Option<Mode>,
    /// Decides the faults of the network
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of appends
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    appends: u32,
    /// Probability that the network repeats a frame, from 0 to 0.5
    #[arg(long, default_value_t = 0.0, value_parser = probability, value_name = "SHARE")]
    copies: f64,
    /// Number of times that the server's process dies during a call and starts again; the store survives
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    restarts: u32,
    /// Tell the story of append N, frame by frame; without N, of the first that was lost, doubled, unknown or sent again
    #[arg(long, value_name = "N", num_args = 0..=1)]
    trace: Option<Option<u32>>,
}

/// The caller's behaviour when no reply comes, and the server's when a call arrives again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Send the call once; the program handles every failure, as with Go's net/rpc
    NoRetry,
    /// Send the call until a reply comes; the server runs every duplicate
    AtLeastOnce,
    /// Send the call until a reply comes; the server's filter does not run duplicates
    AtMostOnce,
    /// The same, and the server's records are on disk, each with the effect of its call
    ExactlyOnce,
}

fn probability(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number; write for example 0.05".to_owned())?;
    if (0.0..=0.5).contains(&share) { Ok(share) } else { Err("from 0 to 0.5".to_owned()) }
}

fn main() -> ExitCode {
    let options = Options::parse();
    finish("semantics", compare(&options))
}

fn compare(options: &Options) -> Result<(), Failure> {
    if let Some(Some(number)) = options.trace {
        let appends = options.appends;
        if number >= appends {
            let text = format!("--trace {number}: there are {appends} appends, and the first is number 0");
            return Err(Failure::new(Status::Usage, text));
        }
    }
    let modes = match options.mode {
        Some(mode) => vec![mode],
        None => vec![Mode::NoRetry, Mode::AtLeastOnce, Mode::AtMostOnce, Mode::ExactlyOnce],
    };
    let gave: Vec<_> = modes.into_iter().map(|mode| (mode, run::run(mode, options))).collect();
    report::print(options, &gave)
}
