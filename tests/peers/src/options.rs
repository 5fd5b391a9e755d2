//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::peer::Peer;
use crate::role::Role;

const TEMPLATE: &str = "\
{about}

Examples:
  rpc-peers                                   all peers and works, 5 rounds; both processes on one processor
  rpc-peers --quick --rounds 3                a first look, within five minutes after the peers are built
  rpc-peers --peers ours,raw --works get64    two peers, one work
  rpc-peers --place same,split --csv peers.csv --svg peers.svg
  rpc-peers --peers ours,before --before ../before/target/release/rpc-peers   two builds of this project

{usage-heading} {usage}

{all-args}

A peer that is not there is left out, and named: tarpc and tonic are built by cargo, capnp also needs the program `capnp`,
go needs Go, redis needs `redis-server`. System calls are counted by `perf`. CPU time and memory are read from /proc.
Exit status: 0 done, 2 usage or a file that cannot be written, 5 a server or a load failed.";

/// Measures this framework beside its lower bounds and its peers, in the same works.
#[derive(Debug, Parser)]
#[command(name = "rpc-peers", version, help_template = TEMPLATE, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds: each measures every peer once in every work, and begins with another peer
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=99))]
    pub(crate) rounds: u8,
    /// Measure a quarter of a second for each, and fewer works
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measure only these peers; ours is always measured
    #[arg(long, value_delimiter = ',', value_name = "PEER,..")]
    pub(crate) peers: Vec<Peer>,
    /// Measure only these works
    #[arg(long, value_delimiter = ',', value_name = "WORK,..", value_parser = work_name)]
    pub(crate) works: Vec<&'static str>,
    /// Processors of the server and of the load
    #[arg(long, value_delimiter = ',', default_value = "same", value_name = "PLACE,..")]
    pub(crate) place: Vec<Place>,
    /// Length of each measurement; 1s, or 250ms with --quick
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) time: Option<Duration>,
    /// Another build of this program, whose framework is the peer `before`
    #[arg(long, value_name = "FILE")]
    pub(crate) before: Option<PathBuf>,
    /// Write each measurement as comma-separated values
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Write the calls per second as a chart
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// List the works, and measure nothing
    #[arg(long)]
    pub(crate) list: bool,
}

/// The processors of the server and of the load. Which of them a process gets decides more than the peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Place {
    /// Both on the first processor: repeats best
    Same,
    /// The server on the first, the load on the second
    Split,
    /// Left to the operating system: often differs from run to run
    None,
}

/// The work whose figure is memory.
pub(crate) const IDLE: &str = "idle";

fn work_name(name: &str) -> Result<&'static str, String> {
    let known = rpc_ours::work::WORKS.map(|work| work.name).into_iter().chain([IDLE]);
    let all: Vec<_> = known.collect();
    all.iter()
        .find(|known| **known == name)
        .copied()
        .ok_or_else(|| format!("the works are {}", all.join(", ")))
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if (Duration::from_millis(50)..=Duration::from_secs(60)).contains(&time) => Ok(time),
        Ok(_) => Err("from 50ms to 60s".to_owned()),
        Err(error) => Err(format!("{error}; write for example 500ms or 2s")),
    }
}
