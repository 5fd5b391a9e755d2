//! Lesson 4, the client of the pair: one call for each run of the program, and what to do about each kind of failure.

mod api;

use std::error::Error;
use std::fmt::Debug;
use std::process::ExitCode;
use std::time::Duration;

use api::KvClient;
use clap::{Parser, Subcommand};
use rpc_core::CallError;

/// Time limit for asking the server about a call that got no reply before its deadline.
const RESOLVE: Duration = Duration::from_secs(10);

/// Calls a key-value server.
#[derive(Parser)]
#[command(name = "kv_client")]
struct Options {
    /// The server
    #[arg(long, default_value = "127.0.0.1:4000", value_name = "HOST:PORT")]
    addr: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the value of a key
    Get { key: String },
    /// Set the value of a key
    Put { key: String, value: String },
    /// Append to the value of a key, and print the new length
    Append { key: String, value: String },
    /// Remove a key, and print the value that it had
    Delete { key: String },
    /// Print all pairs whose keys start with a prefix
    List {
        #[arg(default_value = "")]
        prefix: String,
    },
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kv_client: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let kv = KvClient::connect(options.addr.as_str())?;
    match &options.command {
        Command::Get { key } => println!("{}", kv.get(key).map_err(explain)?),
        Command::Put { key, value } => kv.put(key, value).map_err(explain)?,
        Command::Append { key, value } => println!("{}", kv.append(key, value).map_err(explain)?),
        Command::Delete { key } => println!("{}", kv.delete(key).map_err(explain)?),
        Command::List { prefix } => list(&kv, prefix)?,
    }
    kv.call.close(); // ends the session on the server at once, instead of after its lease
    Ok(())
}

/// Asks for one page after the other, so that no reply is large.
fn list(kv: &KvClient, prefix: &str) -> Result<(), String> {
    let mut after = String::new();
    loop {
        let page = kv.list(prefix, &after, 1000).map_err(explain)?;
        for (key, value) in &page.pairs {
            println!("{}\t{}", key.escape_debug(), value.escape_debug()); // of others: the terminal obeys none of it
        }
        match page.pairs.last() {
            Some((last, _)) if page.more => after.clone_from(last),
            _ => return Ok(()),
        }
    }
}

/// Returns the error's text and what it means: every failed call tells if it ran.
fn explain<E: Debug + 'static>(error: CallError<E>) -> String {
    let meaning = match &error {
        CallError::Service(_) => "the call ran, and this error is its result",
        CallError::Panicked(_) => "the call began and then panicked: read the key to see its effect",
        CallError::GivenUp(_) => "the call began and the server gave it up: read the key to see its effect",
        CallError::ReplyLost(_) => "the call ran exactly once; only its reply is lost",
        CallError::NotExecuted(_) => "the call did not run and never will: it is safe to call again",
        // No reply came before the deadline. The client can still ask the server what became of the call.
        CallError::Unknown(unknown) => match unknown.ran(RESOLVE) {
            Some(true) => "the server says that the call ran once",
            Some(false) => "the server says that the call did not run: it is safe to call again",
            None => "it is not known whether the call ran: read the key before you call again",
        },
    };
    format!("{error}\nkv_client: {meaning}")
}
