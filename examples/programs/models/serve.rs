//! The server of one measurement, in its own process: it serves by one of the models, and reports its resource usage on
//! request.

use std::io::{self, BufRead, Write};
use std::net::TcpListener;
use std::thread;

use clap::Args;
use nix::sys::resource::{UsageWho, getrusage};
use rpc_examples::status::{Failure, Status};
use serde::{Deserialize, Serialize};

use crate::api::Store;
use crate::{Handlers, Model, framework, per_call, per_connection, plain_loop, pool};

#[derive(Debug, Args)]
pub(crate) struct ServeOptions {
    #[arg(long)]
    model: Model,
    #[arg(long)]
    handlers: Handlers,
}

/// The resource usage of a process since its start, and its current threads and memory.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// CPU time of all threads, also of those that have ended.
    pub(crate) cpu_micros: i64,
    /// Switches because a thread waited.
    pub(crate) voluntary: i64,
    /// Switches because the kernel gave the core to another thread.
    pub(crate) involuntary: i64,
    /// Memory in use, in KiB.
    pub(crate) rss_kib: u64,
    pub(crate) threads: u64,
}

/// Serves until the parent has ended.
pub(crate) fn serve(options: &ServeOptions) -> Result<(), Failure> {
    let store = Store::waiting(options.handlers.wait());
    thread::Builder::new().name("usage".to_owned()).spawn(answer_parent)?;
    let loops = match options.model {
        Model::OneLoop => 1,
        Model::LoopPerCore => 0, // 0 means as many as there are cores
        _ => return by_hand(options.model, store).map_err(Failure::from),
    };
    let server = framework::bind(store, loops)?;
    writeln!(io::stdout(), "{}", server.local_addr())?;
    server.run().map_err(|error| Failure::new(Status::Server, error))
}

fn by_hand(model: Model, store: Store) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    match model {
        Model::PerConnection => per_connection::serve(&listener, store),
        Model::PerCall => per_call::serve(&listener, store),
        Model::Pool => pool::serve(listener, store),
        _ => plain_loop::serve(listener, store),
    }
}

/// Writes one line of usage for each line from the parent, and ends when the parent has ended.
fn answer_parent() {
    for line in io::stdin().lock().lines() {
        if line.is_err() {
            break;
        }
        let said = serde_json::to_string(&usage()).unwrap_or_default(); // plain numbers can be encoded
        if writeln!(io::stdout(), "{said}").is_err() {
            break;
        }
    }
    std::process::exit(0);
}

fn usage() -> Usage {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)).and_then(|word| word.parse().ok()).unwrap_or(0)
    };
    let mut usage = Usage { rss_kib: field("VmRSS:"), threads: field("Threads:"), ..Usage::default() };
    if let Ok(used) = getrusage(UsageWho::RUSAGE_SELF) {
        let (user, system) = (used.user_time(), used.system_time());
        usage.cpu_micros = (user.tv_sec() + system.tv_sec()) * 1_000_000 + user.tv_usec() + system.tv_usec();
        usage.voluntary = used.voluntary_context_switches();
        usage.involuntary = used.involuntary_context_switches();
    }
    usage
}
