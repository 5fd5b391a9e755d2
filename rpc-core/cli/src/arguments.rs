//! The command line of `rpc`.

use clap::{Parser, Subcommand};

use crate::generate::Generate;

/// Asks a server of any service what it has. No source of that service is needed.
#[derive(Debug, Parser)]
#[command(name = "rpc", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the services of a server and their methods
    List {
        /// The server: HOST:PORT, or unix:/PATH
        server: String,
    },
    Trace(crate::trace::Options),
    /// Writes a client of its services in another language
    Generate(Generate),
}
