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
  vote --seed random          another electorate at each run: some win, some lose
  vote --kill 3               voter 3 dies in the middle of the vote; --freeze 3: it stops
  vote --watch                on a terminal: the votes as they arrive

{usage-heading} {usage}

{all-args}

Exit status: 0 enough said yes, 1 not enough did (a voter that dies does not say yes), 2 usage or output, 5 a voter or the\nprogram has a fault, 6 a voter speaks another contract.";

/// Asks many voters at once, and decides as soon as it can.
#[derive(Debug, Parser)]
#[command(name = "vote", version, help_template = TEMPLATE, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) vote: VoteOptions,
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
}

/// The ways to collect the votes.
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
    /// The channel whose receiver stops receiving
    Leak,
}

#[derive(Debug, Args)]
pub(crate) struct VoteOptions {
    /// The way to collect the votes
    #[arg(long, value_enum, default_value_t = Form::Pending)]
    pub(crate) form: Form,
    /// Run every form whose outcome depends on the seed alone, and print a table
    #[arg(long, conflicts_with = "form")]
    pub(crate) all_forms: bool,
    /// Number of voters; some are slow, some are down, some have a bad network
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(3..=64))]
    pub(crate) voters: u16,
    /// Number of voters that must say yes
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) need: u16,
    /// Decides the delays, the answers, and which voters are slow or down; `random` for another one at each run
    #[arg(long, default_value = "1", value_parser = seed)]
    pub(crate) seed: u64,
    /// Time to wait for a voter
    #[arg(long, default_value = "4s", value_parser = duration, value_name = "TIME")]
    pub(crate) patience: Duration,
    /// Run the voters on threads of this process instead of in their own processes
    #[arg(long)]
    pub(crate) in_process: bool,
    /// Show the run as it happens: a picture that changes on a terminal, otherwise lines
    #[arg(long)]
    pub(crate) watch: bool,
    /// Build voter N from another trait
    #[arg(long, value_name = "N")]
    pub(crate) stranger: Option<u16>,
    /// Kill the process of voter N when another voter has answered
    #[arg(long, value_name = "N", conflicts_with_all = ["in_process", "freeze"])]
    pub(crate) kill: Option<u16>,
    /// Stop the process of voter N (as ^Z does) when another voter has answered
    #[arg(long, value_name = "N", conflicts_with = "in_process")]
    pub(crate) freeze: Option<u16>,
    /// The pause between two checks of the form `sleep`
    #[arg(long, default_value = "50ms", value_parser = duration, value_name = "TIME")]
    pub(crate) pause: Duration,
}

impl VoteOptions {
    /// Checks the rules that concern more than one option.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let usage = |text: String| Err(Failure::new(Status::Usage, text));
        if self.need > self.voters {
            return usage(format!(
                "{} of {} voters can never say yes: --need is at most --voters",
                self.need, self.voters
            ));
        }
        for (option, number) in
            [("--stranger", self.stranger), ("--kill", self.kill), ("--freeze", self.freeze)]
        {
            if let Some(number) = number.filter(|number| !(1..=self.voters).contains(number)) {
                return usage(format!("there is no voter {number}: {option} is 1 to {}", self.voters));
            }
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

/// A number, or `random`: the seed is printed, so that a run can be repeated.
fn seed(text: &str) -> Result<u64, String> {
    if text == "random" {
        let number = getrandom::u32().map_err(|error| error.to_string())?; // a u64 has up to 20 digits: too many to type again
        return Ok(number.into());
    }
    text.parse().map_err(|error| format!("{error}; write a number, or `random`"))
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write for example 500ms or 2s"))
}
