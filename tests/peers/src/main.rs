//! `rpc-peers`: the same work through this framework, its lower bounds and its peers, measured side by side.
//!
//! ```text
//! main --> suite --> programs: what there is, and how it is built
//!            |-----> measure --starts--> a server and a load: `raw`, `blocking`, `rpc-ours`, or another program
//!            |         '--> processes: processors, CPU time, memory; syscalls: counted by perf
//!            '-----> results: rounds put together, ratios --> report, targets, chart
//! ```

mod blocking;
mod chart;
mod measure;
mod options;
mod peer;
mod processes;
mod programs;
mod raw;
mod report;
mod results;
mod role;
mod suite;
mod syscalls;
mod targets;

use std::process::ExitCode;

use clap::Parser;
use rpc_examples::status::finish;

fn main() -> ExitCode {
    let arguments = options::Arguments::parse();
    let result = match arguments.role {
        Some(role) => role::play(role),
        None => suite::run(arguments.options),
    };
    finish("rpc-peers", result)
}
