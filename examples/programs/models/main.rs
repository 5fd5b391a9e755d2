//! `models`: the same key-value service under threads and under events, measured side by side.
//!
//! ```text
//! main --> measure --starts--> serve (a child process): per_connection | per_call | pool | plain_loop | tasks | framework
//!  |          '--> load: one thread, all connections, one call under way on each
//!  '--> row: the rounds put together --> report (tables), chart
//! ```

mod api;
mod chart;
#[path = "../tasks/executor.rs"]
mod executor;
mod framework;
mod kernel_stacks;
mod load;
mod locks;
mod measure;
mod per_call;
mod per_connection;
mod plain_loop;
mod pool;
mod protocol;
mod readiness;
mod report;
mod row;
mod serve;
mod tasks;
mod threads;
#[path = "../tasks/timer.rs"]
mod timer;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use rpc_examples::children::Children;
use rpc_examples::choices::name_of;
use rpc_examples::output::{can_be_written, write};
use rpc_examples::signals::end_on_signal;
use rpc_examples::status::{Failure, Status, finish};

use crate::kernel_stacks::KernelStack;
use crate::measure::Cell;

const TEMPLATE: &str = "\
{about}

Examples:
  models                                     all models with 1, 100 and 1000 connections
  models --quick                             a few seconds, for a first look
  models --connections 10000 --handlers quick  needs 20,000 descriptors for each process (ulimit -n)
  models --csv models.csv --svg models.svg   the same as a table and as a chart

{usage-heading} {usage}

{all-args}

Context switches, CPU time and memory are Linux's. Exit status: 0 done, 2 usage or a file that cannot be written,
5 a server failed.";

/// Serves the same key-value store by threads and by event loops, and measures each.
#[derive(Debug, Parser)]
#[command(name = "models", version, help_template = TEMPLATE, disable_help_subcommand = true)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Numbers of connections, one call in flight on each
    #[arg(long, value_delimiter = ',', default_value = "1,100,1000", value_name = "N,N,..")]
    connections: Vec<usize>,
    /// Measure only this model; may be repeated
    #[arg(long)]
    model: Vec<Model>,
    /// Measure only these handlers
    #[arg(long)]
    handlers: Option<Handlers>,
    /// Rounds: each measures every model once, and begins with another model
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=99))]
    rounds: u8,
    /// Length of each measurement
    #[arg(long, default_value = "1s", value_parser = duration, value_name = "TIME")]
    time: Duration,
    /// Use few connections, one round and a fifth of a second for each
    #[arg(long)]
    quick: bool,
    /// Write the table as comma-separated values
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write calls per second, CPU time and memory as a chart
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// One server: the program starts it for itself
    #[command(hide = true)]
    Serve(serve::ServeOptions),
}

/// The threads that wait for sockets and that run calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Model {
    /// A thread for each connection
    PerConnection,
    /// A thread for each call, as Go's net/rpc has a goroutine
    PerCall,
    /// One thread for all sockets, 16 workers
    Pool,
    /// One thread for all sockets and all calls
    PlainLoop,
    /// The same on each core
    LoopPerCore,
    /// A task for each connection and each call, on a thread for each core
    Tasks,
    /// The framework's server, which is other code: one loop, which another thread takes over when a handler is slow
    Framework,
    /// The framework's server: a loop for each core
    FrameworkPerCore,
}

/// The work of the service for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Handlers {
    /// Read a map
    Quick,
    /// Wait 10 ms first
    Wait,
}

impl Handlers {
    pub(crate) fn wait(self) -> Duration {
        match self {
            Handlers::Quick => Duration::ZERO,
            Handlers::Wait => Duration::from_millis(10),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if (Duration::from_millis(50)..=Duration::from_secs(60)).contains(&time) => Ok(time),
        Ok(_) => Err("from 50ms to 60s".to_owned()),
        Err(error) => Err(format!("{error}; write for example 500ms or 2s")),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.role {
        Some(Role::Serve(options)) => serve::serve(&options),
        None => compare(arguments.options),
    };
    finish("models", result)
}

fn compare(mut options: Options) -> Result<(), Failure> {
    if options.quick {
        options.connections = vec![1, 20];
        options.rounds = 1;
        options.time = Duration::from_millis(200);
    }
    if options.connections.iter().any(|count| !(1..=10_000).contains(count)) {
        return Err(Failure::new(Status::Usage, "--connections: from 1 to 10000 each"));
    }
    let files = [options.csv.as_deref(), options.svg.as_deref()];
    files.into_iter().flatten().try_for_each(can_be_written)?; // checked before the measurement, which takes minutes
    let stack = kernel_stacks::measure();
    let mut cells = Vec::new();
    let measured = measure_all(&options, stack, &mut cells); // after a failure, the earlier measurements are still shown
    let rows = row::rows(&cells);
    write(options.csv.as_deref(), || report::csv(&rows, options.rounds.into()))?;
    write(options.svg.as_deref(), || chart::svg(&rows))?;
    let mut out = io::stdout();
    writeln!(out, "{}", report::table(&rows))?;
    writeln!(out, "\nMedian and range of {} rounds. `>`: at least this long.", options.rounds)?;
    let how = if stack.is_measured { "measured here" } else { "the usual size; this system does not tell" };
    writeln!(
        out,
        "Memory: the resident set, and {} KiB of kernel stack for each thread ({how}).",
        stack.kib
    )?;
    measured?;
    writeln!(out, "\nOne lock for all keys, and one for each of {} parts:\n", locks::PARTS)?;
    writeln!(out, "{}", report::locks(&locks::measure(options.time / 4)))?;
    Ok(())
}

/// Measures round by round, so that a slow moment of the machine falls on all models and not on one; and each round begins
/// with another model, so that none is always the first.
fn measure_all(options: &Options, stack: KernelStack, cells: &mut Vec<Cell>) -> Result<(), Failure> {
    let children = Children::new();
    end_on_signal(children.clone())?;
    let models = if options.model.is_empty() { Model::value_variants() } else { &options.model };
    let handlers = match options.handlers {
        Some(only) => vec![only],
        None => vec![Handlers::Quick, Handlers::Wait],
    };
    for round in 0..usize::from(options.rounds) {
        for handlers in &handlers {
            for connections in &options.connections {
                let in_turn = models.iter().cycle().skip(round).take(models.len());
                for model in in_turn {
                    let what = (*model, *handlers, *connections);
                    let cell = measure::measure(&children, what, options.time, stack)
                        .inspect_err(|_| children.wait_if_interrupted())
                        .map_err(|error| error.during(name_of(*model)))?;
                    eprintln!("{}", report::progress(&cell, round + 1));
                    cells.push(cell);
                }
            }
        }
    }
    Ok(())
}
