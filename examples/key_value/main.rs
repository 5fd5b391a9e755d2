//! Lesson 3, `kv`: a key-value server, its client for the command line, and the demonstration of at most once.

mod api;
mod arguments;
mod commands;
mod demo;
mod dump;
mod events;
mod load;
mod output;
mod pairs;
mod proxy;
mod serve;
mod store;

use std::process::ExitCode;

use rpc_examples::status::{Failure, finish};

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    finish("kv", run(arguments::parse(std::env::args_os()))) // a wrong command line ends in status 2 by clap's own hand
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let client = arguments.client;
    match arguments.command {
        Command::Serve(options) => serve::serve(&client, &options),
        Command::OneCall(call) => commands::run(&client, call),
        Command::Load(options) => load::load(&client, &options),
        Command::Dump(options) => dump::dump(&client, &options),
        Command::Demo(options) => demo::demo(client.format, &options),
        Command::Proxy(options) => proxy::proxy(&client, &options),
        Command::DemoClient(options) => demo::client::run(&client, &options),
    }
}
