//! `rpc`: asks a server of any service what it has, and calls it. No source of that service is needed.

#![deny(clippy::print_stdout, clippy::print_stderr)] // they panic if they cannot write

mod arguments;
mod bench;
mod call;
mod connection;
mod describe;
mod generate;
mod lines;
mod output;
mod ping;
mod sample;
mod shell;
mod stats;
mod status;
mod trace;
mod words;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use status::{Failure, finish};

fn main() -> ExitCode {
    let arguments = Arguments::parse(); // clap itself ends a wrong command line with status 2
    match arguments.command {
        Command::Expand { files } => rpc_codegen::cli::run(files.into_iter().map(Into::into)),
        command => finish(run(command)),
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::List { server, format } => describe::list(&server, format),
        Command::Describe { server, name, format } => describe::describe(&server, name.as_deref(), format),
        Command::Call(options) => call::call(&options),
        Command::Ping(options) => ping::ping(&options),
        Command::Stats(options) => stats::stats(&options),
        Command::Bench(options) => bench::bench(&options),
        Command::Trace(options) => trace::run(&options),
        Command::Generate(options) => options.run(&mut io::stdout().lock()),
        Command::Expand { .. } => Ok(()), // above
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { directory } => shell::man(directory.as_deref()),
    }
}
