//! The command line.

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use rpc_examples::status::{Failure, Status};

use crate::voter::VoterOptions;

const TEMPLATE: &str = "\
{about}

Examples:
  vote                        ten voters, five must say yes; started calls in a race
  vote --form condvar         the lecture's form with a condition variable
  vote --all-forms --seed 1   every form on the same seed, and a table
  vote --form racy            the lecture's unlocked counter, and what Rust makes of it
  vote --form leak            the collector that stops listening, and how many threads it leaks
  vote --watch                on a terminal: the votes as they arrive

{usage-heading} {usage}

{all-args}

Exit status: 0 enough said yes, 1 not enough did, 2 usage or output, 6 a voter speaks another contract.";

/// Asks many voters at once, and decides as soon as it can.
#[derive(Debug, Parser)]
#[command(name = "vote", version, help_template = TEMPLATE, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) vote: VoteOptions,
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
}

/// How the votes are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// A thread per voter, a mutex, and a main thread that looks without pause
    Spin,
    /// The same, with a pause between two looks
    Sleep,
    /// The same, with a condition variable
    Condvar,
    /// A thread per voter and a channel
    Channel,
    /// Started calls, received as they finish, by one thread
    Pending,
    /// The unlocked counter
    Racy,
    /// The channel that nobody listens to any more
    Leak,
}

#[derive(Debug, Args)]
pub(crate) struct VoteOptions {
    /// How the votes are collected
    #[arg(long, value_enum, default_value_t = Form::Pending)]
    pub(crate) form: Form,
    /// Every form whose outcome is the seed's alone, one after the other, and a table
    #[arg(long, conflicts_with = "form")]
    pub(crate) all_forms: bool,
    /// How many voters; some are slow, some down, some behind a bad network
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(3..=64))]
    pub(crate) voters: u16,
    /// How many must say yes
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) need: u16,
    /// Decides the delays and the answers, and who is slow or down
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How long to wait for a voter
    #[arg(long, default_value = "4s", value_parser = duration, value_name = "TIME")]
    pub(crate) patience: Duration,
    /// Voters are threads of this process instead of processes of their own
    #[arg(long)]
    pub(crate) in_process: bool,
    /// Shows the run as it happens: a moving picture on a terminal, else lines
    #[arg(long)]
    pub(crate) watch: bool,
    /// Makes voter N one that was built from another trait
    #[arg(long, value_name = "N")]
    pub(crate) stranger: Option<u16>,
}

impl VoteOptions {
    /// What cannot be said option by option.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let usage = |text: String| Err(Failure::new(Status::Usage, text));
        if self.need > self.voters {
            return usage(format!(
                "{} of {} voters can never say yes: --need is at most --voters",
                self.need, self.voters
            ));
        }
        if let Some(number) = self.stranger.filter(|number| !(1..=self.voters).contains(number)) {
            return usage(format!("there is no voter {number}: --stranger is 1 to {}", self.voters));
        }
        if self.patience.is_zero() || self.patience > Duration::from_secs(30) {
            return usage("--patience is more than nothing and at most 30s".to_owned());
        }
        Ok(())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// One voter: a server that this program starts for itself
    #[command(hide = true)]
    Voter(VoterOptions),
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write for example 500ms or 2s"))
}
