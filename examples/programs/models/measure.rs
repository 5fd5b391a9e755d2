//! One measurement: a model's server in a child process, connections to it, a warm-up, and a time that counts.

use std::io;
use std::time::{Duration, Instant};

use rpc_examples::children::{Children, Worker};
use rpc_examples::choices::name_of;
use rpc_examples::status::{Failure, Status};

use crate::load::Callers;
use crate::serve::Usage;
use crate::{Handlers, Model};

/// Time limit for a line from a child process.
const PATIENCE: Duration = Duration::from_secs(60);

/// The result of one model with one kind of handlers and one number of connections.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) model: Model,
    pub(crate) handlers: Handlers,
    pub(crate) connections: usize,
    pub(crate) calls_per_second: f64,
    pub(crate) p50_micros: u64,
    pub(crate) p99_micros: u64,
    pub(crate) rss_kib: u64,
    pub(crate) threads: u64,
    pub(crate) cpu_micros_per_call: f64,
    pub(crate) switches_per_call: f64,
}

pub(crate) fn measure(
    children: &Children,
    model: Model,
    handlers: Handlers,
    connections: usize,
    time: Duration,
) -> Result<Cell, Failure> {
    let arguments =
        ["serve", "--model", &name_of(model), "--handlers", &name_of(handlers)].map(str::to_owned);
    let server = children.start("server", arguments)?;
    let address = server.next_line(Instant::now() + PATIENCE)?;
    let address = address.parse().map_err(|_| Failure::new(Status::Server, "it wrote no address"))?;
    let failed = |error: io::Error| Failure::new(Status::Server, error);
    let mut callers = Callers::connect(address, connections).map_err(failed)?;
    callers.run(time / 4).map_err(failed)?; // threads are started, methods are learned, caches are warm
    // A question is one write to a pipe: the load does not wait for the answers.
    server.tell("before")?;
    let first = callers.run(time / 2).map_err(failed)?;
    server.tell("in the middle")?;
    let second = callers.run(time / 2).map_err(failed)?;
    server.tell("after")?;
    let [before, middle, after] = [usage(&server)?, usage(&server)?, usage(&server)?];
    let mut latencies = first.latencies;
    latencies.add(&second.latencies).map_err(|error| Failure::new(Status::Server, error))?;
    callers.open_ages().for_each(|age| latencies.saturating_record(age));
    let calls = (first.calls + second.calls) as f64;
    let per_call = |amount: i64| if calls > 0.0 { amount as f64 / calls } else { 0.0 };
    let switches = |usage: Usage| usage.voluntary + usage.involuntary;
    Ok(Cell {
        model,
        handlers,
        connections,
        calls_per_second: calls / (first.took + second.took).as_secs_f64(),
        p50_micros: latencies.value_at_quantile(0.50),
        p99_micros: latencies.value_at_quantile(0.99),
        rss_kib: middle.rss_kib,
        threads: middle.threads,
        cpu_micros_per_call: per_call(after.cpu_micros - before.cpu_micros),
        switches_per_call: per_call(switches(after) - switches(before)),
    })
}

fn usage(server: &Worker) -> Result<Usage, Failure> {
    let line = server.next_line(Instant::now() + PATIENCE)?;
    serde_json::from_str(&line).map_err(|error| Failure::new(Status::Server, error))
}
