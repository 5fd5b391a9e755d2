//! Lesson 4, the vote collector: ten voters, each a service in a process of its own, are asked at the same time; when
//! enough have said yes, the others are not waited for, and nothing of the questions to them is left behind.

mod ballot;
mod collector;
mod voter;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use rpc_examples::status::finish;

const TEMPLATE: &str = "\
{about}

Examples:
  vote                        ten voters, five must say yes
  vote --seed 7               other delays and other answers
  vote --voters 20 --need 11  a larger vote
  vote --need 10              never reached: one voter is down

{usage-heading} {usage}

{all-args}

Exit status: 0 enough said yes, 1 not enough did.";

/// Asks many voters at once, and decides as soon as it can.
#[derive(Debug, Parser)]
#[command(name = "vote", version, help_template = TEMPLATE, disable_help_subcommand = true)]
struct Arguments {
    #[command(flatten)]
    vote: VoteOptions,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Args)]
struct VoteOptions {
    /// How many voters; the last but one is slow, and the last is down
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(3..=64))]
    voters: u16,
    /// How many must say yes
    #[arg(long, default_value_t = 5)]
    need: u16,
    /// Decides the delays and the answers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long to wait for a voter
    #[arg(long, default_value = "2s", value_parser = duration, value_name = "TIME")]
    patience: Duration,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// One voter: a server that this program starts for itself
    #[command(hide = true)]
    Voter(voter::VoterOptions),
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write for example 500ms or 2s"))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.role {
        Some(Role::Voter(options)) => voter::run(&options),
        None => collector::collect(&arguments.vote),
    };
    finish("vote", result)
}
