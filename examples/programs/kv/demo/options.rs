//! The command line of `kv demo`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::arguments::duration;

#[derive(Clone, Debug, Args)]
pub(crate) struct DemoOptions {
    /// Decides every fault of the network
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Number of client processes
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=32))]
    pub(crate) clients: u32,
    /// Number of appends, all clients together
    #[arg(long, default_value_t = 12_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) calls: u32,
    /// Time limit for one run; a run that takes longer has failed
    #[arg(long, default_value = "120s", value_parser = duration, value_name = "TIME")]
    pub(crate) limit: Duration,
    /// Show the frames of one call whose reply is lost, and end
    #[arg(long)]
    pub(crate) narrate: bool,
    /// Kill the server and the clients again and again; they keep their state in a folder, and every append is there exactly once
    #[arg(long, conflicts_with = "narrate")]
    pub(crate) crash: bool,
    /// For the test of this demonstration: judge the run without the filter, which must fail
    #[arg(long, hide = true)]
    pub(crate) judge_unfiltered: bool,
}

/// The options of one client process.
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoClientOptions {
    #[arg(long)]
    pub(crate) index: u32,
    #[arg(long)]
    pub(crate) clients: u32,
    #[arg(long)]
    pub(crate) appends: u32,
    /// The folder of its journal and of what it knows already: it goes on where the process before it was killed
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
}
