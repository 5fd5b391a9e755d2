//! `kv`: the key-value service of lesson 4 as a full program: server, command line client, load, dump, a bad network,
//! and the demonstration of at most once.

#![deny(clippy::print_stdout, clippy::print_stderr)] // they panic if they cannot write: see `output` and `messages`

#[path = "../../4_key_value/api.rs"]
mod api;
mod arguments;
mod commands;
mod demo;
mod dump;
mod durable;
mod events;
mod health;
mod limits;
mod load;
mod output;
mod pairs;
mod proxy;
mod serve;
mod stats;
#[path = "../../4_key_value/store.rs"]
mod store;

use std::process::ExitCode;

use rpc_examples::status::{Failure, finish};

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    finish("kv", run(arguments::parse(std::env::args_os()))) // clap itself ends a wrong command line with status 2
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let client = arguments.client;
    match arguments.command {
        Command::Serve(options) => serve::serve(&client, &options),
        Command::OneCall(call) => commands::run(&client, call),
        Command::Health => health::health(&client),
        Command::Load(options) => load::load(&client, &options),
        Command::Dump(options) => dump::dump(&client, &options),
        Command::Demo(options) => demo::demo(client.format, &options),
        Command::Proxy(options) => proxy::proxy(&client, &options),
        Command::DemoClient(options) => demo::client::run(&client, &options),
    }
}
