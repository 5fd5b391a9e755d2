//! The server of one measurement, in its own process: it serves by one of the models, and reports its resource usage on
//! request.

use std::io::{self, BufRead, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use nix::sys::resource::{UsageWho, getrusage};
use rpc_examples::status::{Failure, Status};
use serde::{Deserialize, Serialize};

use crate::api::Store;
use crate::{Handlers, Model, framework, per_call, per_connection, plain_loop, pool, tasks};

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
    /// Memory in use, in KiB, without the kernel's: the stacks that it has for threads are counted by `kernel_stacks`.
    pub(crate) rss_kib: u64,
    pub(crate) threads: u64,
}

/// Serves until the parent has ended.
pub(crate) fn serve(options: &ServeOptions) -> Result<(), Failure> {
    let wait = options.handlers.wait();
    // A task waits without its thread, before it calls the handler.
    let store = Arc::new(Store::waiting(if options.model == Model::Tasks { Duration::ZERO } else { wait }));
    thread::Builder::new().name("usage".to_owned()).spawn(answer_parent)?;
    let loops = match options.model {
        Model::Framework => 1,
        Model::FrameworkPerCore => 0, // 0 means as many as there are cores
        _ => return by_hand(options.model, &store, wait).map_err(Failure::from),
    };
    let server = framework::bind(&store, loops)?;
    writeln!(io::stdout(), "{}", server.local_addr())?;
    server.run().map_err(|error| Failure::new(Status::Server, error))
}

/// Serves by one of the models with the common code. It writes the addresses in one line: a loop has a port of its own, so
/// that the load can give each the same number of connections.
fn by_hand(model: Model, store: &Arc<Store>, wait: Duration) -> io::Result<()> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let ports = if model == Model::LoopPerCore { cores } else { 1 };
    let mut listeners: Vec<_> =
        (0..ports).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<io::Result<_>>()?;
    let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>()?;
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    writeln!(io::stdout(), "{}", addresses.join(" "))?;
    if model == Model::LoopPerCore {
        return plain_loop::serve_each(listeners, store);
    }
    let Some(listener) = listeners.pop() else { return Ok(()) };
    match model {
        Model::PerConnection => per_connection::serve(&listener, store),
        Model::PerCall => per_call::serve(&listener, store),
        Model::Pool => pool::serve(listener, store),
        Model::Tasks => tasks::serve(listener, store, wait),
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
