//! The command line of `kv demo`.

use std::time::Duration;

use clap::Args;

use crate::arguments::duration;

#[derive(Clone, Debug, Args)]
pub(crate) struct DemoOptions {
    /// Decides every fault of the network
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Client processes
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=32))]
    pub(crate) clients: u32,
    /// Appends, all clients together
    #[arg(long, default_value_t = 12_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) calls: u32,
    /// Longest time for one run; beyond it the demonstration has failed
    #[arg(long, default_value = "120s", value_parser = duration, value_name = "TIME")]
    pub(crate) limit: Duration,
    /// Tell the story of one call whose reply was lost, frame by frame, and end
    #[arg(long)]
    pub(crate) narrate: bool,
    /// For the test of this demonstration: judge the run without the filter, which must fail
    #[arg(long, hide = true)]
    pub(crate) judge_unfiltered: bool,
}

/// What one client process is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoClientOptions {
    #[arg(long)]
    pub(crate) index: u32,
    #[arg(long)]
    pub(crate) clients: u32,
    #[arg(long)]
    pub(crate) appends: u32,
}
