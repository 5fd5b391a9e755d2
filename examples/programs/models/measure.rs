//! One measurement: a model's server in a child process, connections to it, a warm-up, and a time that counts.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rpc_examples::children::{Children, Worker};
use rpc_examples::choices::name_of;
use rpc_examples::status::{Failure, Status};

use crate::kernel_stacks::KernelStack;
use crate::load::Callers;
use crate::serve::Usage;
use crate::{Handlers, Model};

/// Time limit for a line from a child process.
const PATIENCE: Duration = Duration::from_secs(60);

/// A quantile of latencies, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Latency {
    pub(crate) micros: u64,
    /// True if the quantile lies among calls that had no reply at the end: it is at least this long.
    pub(crate) is_at_least: bool,
}

/// The result of one model with one kind of handlers and one number of connections, in one round.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) model: Model,
    pub(crate) handlers: Handlers,
    pub(crate) connections: usize,
    pub(crate) calls_per_second: f64,
    pub(crate) p50: Latency,
    pub(crate) p99: Latency,
    /// Resident memory and kernel stacks.
    pub(crate) memory_mib: f64,
    pub(crate) threads: f64,
    pub(crate) cpu_micros_per_call: f64,
    pub(crate) switches_per_call: f64,
}

pub(crate) fn measure(
    children: &Children,
    (model, handlers, connections): (Model, Handlers, usize),
    time: Duration,
    stack: KernelStack,
) -> Result<Cell, Failure> {
    let arguments =
        ["serve", "--model", &name_of(model), "--handlers", &name_of(handlers)].map(str::to_owned);
    let server = children.start("server", arguments)?;
    let line = server.next_line(Instant::now() + PATIENCE)?;
    let addresses: Result<Vec<SocketAddr>, _> = line.split_whitespace().map(str::parse).collect();
    let addresses = addresses.map_err(|_| Failure::new(Status::Server, "it wrote no address"))?;
    let failed = |error: io::Error| Failure::new(Status::Server, error);
    let mut callers = Callers::connect(&addresses, connections).map_err(failed)?;
    callers.run(time / 4).map_err(failed)?; // threads are started, methods are learned, caches are warm
    // A question is one write to a pipe: the load does not wait for the answers.
    server.tell("before")?;
    let first = callers.run(time / 2).map_err(failed)?;
    server.tell("in the middle")?;
    let second = callers.run(time / 2).map_err(failed)?;
    server.tell("after")?;
    let [before, middle, after] = [usage(&server)?, usage(&server)?, usage(&server)?];
    let mut latencies = first.latencies;
    for more in [second.latencies, callers.drain(time).map_err(failed)?] {
        latencies.add(&more).map_err(|error| Failure::new(Status::Server, error))?;
    }
    let open: Vec<u64> = callers.open_ages().collect();
    let calls = (first.calls + second.calls) as f64;
    let per_call = |amount: i64| if calls > 0.0 { amount as f64 / calls } else { 0.0 };
    let switches = |usage: Usage| usage.voluntary + usage.involuntary;
    Ok(Cell {
        model,
        handlers,
        connections,
        calls_per_second: calls / (first.took + second.took).as_secs_f64(),
        p50: quantile(&latencies, &open, 0.50),
        p99: quantile(&latencies, &open, 0.99),
        memory_mib: (middle.rss_kib + middle.threads * stack.kib) as f64 / 1024.0,
        threads: middle.threads as f64,
        cpu_micros_per_call: per_call(after.cpu_micros - before.cpu_micros),
        switches_per_call: per_call(switches(after) - switches(before)),
    })
}

/// Returns a quantile of latencies of which some are known to be longer than an age only. It is exact if it would be the
/// same if these calls never had a reply; otherwise it is a lower bound.
fn quantile(known: &Histogram<u64>, open: &[u64], quantile: f64) -> Latency {
    let with_open = |latency: &dyn Fn(u64) -> u64| {
        let mut all = known.clone();
        open.iter().for_each(|&age| all.saturating_record(latency(age)));
        all.value_at_quantile(quantile)
    };
    let (shortest, longest) = (with_open(&|age| age), with_open(&|_| known.high()));
    Latency { micros: shortest, is_at_least: longest > shortest }
}

fn usage(server: &Worker) -> Result<Usage, Failure> {
    let line = server.next_line(Instant::now() + PATIENCE)?;
    serde_json::from_str(&line).map_err(|error| Failure::new(Status::Server, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plain loop that is measured for 2.5 s has answered 250 of 1,000 calls, each after a longer time: the median is not 2.5 s.
    #[test]
    fn a_quantile_among_calls_without_a_reply_is_a_lower_bound() {
        let mut known = Histogram::new_with_bounds(1, 600_000_000, 3).expect("valid bounds");
        (1..=250).for_each(|call| known.saturating_record(call * 10_000));
        let some = Latency { micros: 2_500_607, is_at_least: true };
        assert_eq!(quantile(&known, &[2_500_000; 750], 0.5), some);
        assert!(!quantile(&known, &[], 0.5).is_at_least);
        let early = quantile(&known, &[2_500_000; 750], 0.1);
        assert!(!early.is_at_least && early.micros.abs_diff(1_000_000) < 10_000, "{early:?}");
        assert!(!quantile(&known, &[2_500_000; 2], 0.5).is_at_least, "two of 252 do not change the median");
    }
}
