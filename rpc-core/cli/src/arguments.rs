//! The command line of `rpc`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

const TEMPLATE: &str = "\
{about}

Examples:
  rpc list 127.0.0.1:4000                       its services and their methods
  rpc describe 127.0.0.1:4000 Kv.put            one method: types, policies, and a call to begin with
  rpc call 127.0.0.1:4000 Kv.put colour blue    a call, by plain words; at most once, however bad the network
  rpc call 127.0.0.1:4000 Kv.get '{\"key\": \"colour\"}'
  rpc call 127.0.0.1:4000 Kv.put key=colour value=@colour.txt
  rpc call 127.0.0.1:4000 Kv.get --lines < keys.jsonl
  rpc stats 127.0.0.1:4000 --watch              what it does, each second
  rpc bench 127.0.0.1:4000 Kv.get colour        how fast it is

{usage-heading} {usage}

{all-args}

Exit status: 0 done, 1 a negative answer (the service's own error), 2 usage or input, 3 server unreachable,
4 deadline passed or outcome unknown, 5 server error, 6 another protocol, or no such service, method or description.";

/// Asks a server of any service what it has, and calls it. No source of that service is needed.
#[derive(Debug, Parser)]
#[command(name = "rpc", version, help_template = TEMPLATE, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the services of a server and their methods
    List {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        format: Formatted,
    },
    /// Describe a server, a service or a method: documentation, types, policies, limits
    Describe {
        #[command(flatten)]
        server: Server,
        /// Service, or Service.method; the server itself if it is left out
        #[arg(value_name = "SERVICE[.METHOD]")]
        name: Option<String>,
        #[command(flatten)]
        format: Formatted,
    },
    /// Call a method, once or for each line of input; prints its value as JSON
    Call(CallOptions),
    /// Time the greeting of a server, and small calls to it
    Ping(PingOptions),
    /// Print the counters of a server
    Stats(StatsOptions),
    /// Call a method again and again, and print how many calls were made and how long they took
    Bench(BenchOptions),
    /// Print Rust files with the stubs of their `#[rpc]` traits written out; all below src that have one, if none is named
    Expand {
        /// The files
        #[arg(value_name = "FILE.rs")]
        files: Vec<PathBuf>,
    },
    Trace(crate::trace::Options),
    /// Write a client of a server's services in another language
    Generate(crate::generate::Generate),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write one for each command into a directory
    Man {
        /// The directory
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
    },
}

/// The server, and the time for a call.
#[derive(Clone, Debug, Args)]
pub(crate) struct Server {
    /// The server, as HOST:PORT or unix:/PATH
    #[arg(value_name = "ADDR")]
    pub(crate) addr: String,
    /// Time limit for each call, as 250ms or 5s; by default that of the method, or 5s
    #[arg(long, value_parser = time, value_name = "TIME")]
    pub(crate) deadline: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Formatted {
    /// Form of the output
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct CallOptions {
    #[command(flatten)]
    pub(crate) server: Server,
    /// The method
    #[arg(value_name = "SERVICE.METHOD")]
    pub(crate) method: String,
    /// The arguments: JSON of all of them, or a word for each in their order, or NAME=WORD. A word @FILE is the content of a file, and
    /// - is standard input
    #[arg(value_name = "ARGUMENT", allow_negative_numbers = true)]
    pub(crate) words: Vec<String>,
    /// Make a call for each line of standard input: its arguments in JSON. Each reply is a line: {"ok": ..}, {"error": ..} of the
    /// service, or {"failed": ..}, in the order of the input
    #[arg(long, conflicts_with = "words")]
    pub(crate) lines: bool,
    /// Calls in flight at once, with --lines
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub(crate) in_flight: u16,
    /// If it is unknown whether the call ran, wait so long for what became of it
    #[arg(long, value_parser = time, value_name = "TIME")]
    pub(crate) resolve: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct PingOptions {
    #[command(flatten)]
    pub(crate) server: Server,
    /// Number of calls
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) count: u32,
    /// Time between two of them
    #[arg(long, default_value = "250ms", value_parser = pause, value_name = "TIME")]
    pub(crate) interval: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct StatsOptions {
    #[command(flatten)]
    pub(crate) server: Server,
    /// Print them again and again, with the rates of those that grow
    #[arg(long)]
    pub(crate) watch: bool,
    /// Time between two of them
    #[arg(long, default_value = "1s", value_parser = time, value_name = "TIME", requires = "watch")]
    pub(crate) interval: Duration,
    /// End after so many
    #[arg(long, requires = "watch", value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub(crate) count: Option<u32>,
    /// Print those that are zero as well
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) format: Formatted,
}

#[derive(Debug, Args)]
pub(crate) struct BenchOptions {
    #[command(flatten)]
    pub(crate) server: Server,
    /// The method. Its calls run as any other: they have their effects
    #[arg(value_name = "SERVICE.METHOD")]
    pub(crate) method: String,
    /// The arguments of each call, as those of `rpc call`
    #[arg(value_name = "ARGUMENT", allow_negative_numbers = true)]
    pub(crate) words: Vec<String>,
    /// Connections, each with a thread of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub(crate) connections: u16,
    /// Calls in flight at once on each connection
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024), value_name = "N")]
    pub(crate) in_flight: u16,
    /// End after so many seconds
    #[arg(long, default_value_t = 5.0, value_parser = seconds, value_name = "N", conflicts_with = "calls")]
    pub(crate) seconds: f64,
    /// End after so many calls
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    pub(crate) calls: Option<u64>,
    #[command(flatten)]
    pub(crate) format: Formatted,
}

fn pause(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; write for example 250ms or 5s"))
}

/// Parses a time of at least a millisecond.
fn time(text: &str) -> Result<Duration, String> {
    let time = pause(text)?;
    if time < Duration::from_millis(1) { Err("at least 1ms".to_owned()) } else { Ok(time) }
}

/// Parses a number of seconds, of a day at most: counts of a longer run would no longer fit.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number, as 2.5".to_owned())?;
    if (0.001..=86_400.0).contains(&seconds) { Ok(seconds) } else { Err("from 0.001 to 86400".to_owned()) }
}
