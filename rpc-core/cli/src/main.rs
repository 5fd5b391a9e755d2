//! `rpc`: asks a server of any service what it has. No source of that service is needed.

mod arguments;
mod describe;
mod trace;
mod generate;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::List { server } => describe::list(&server, &mut io::stdout().lock()),
        Command::Trace(options) => match trace::run(&options) {
            Ok(()) => Ok(()),
            Err(trace::Failure { status, text }) => {
                eprintln!("rpc: {text}");
                return ExitCode::from(status);
            }
        },
        Command::Generate(generate) => generate.run(&mut io::stdout().lock()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rpc: {error}");
            ExitCode::FAILURE
        }
    }
}
