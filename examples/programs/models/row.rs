//! A row of the result: the rounds of one model, with their median and their range.

use rpc_examples::spread::Spread;

use crate::measure::{Cell, Latency};
use crate::{Handlers, Model};

/// All rounds of one model with one kind of handlers and one number of connections.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) model: Model,
    pub(crate) handlers: Handlers,
    pub(crate) connections: usize,
    pub(crate) calls: Spread,
    pub(crate) cpu: Spread,
    pub(crate) memory: Spread,
    pub(crate) threads: f64,
    pub(crate) switches: f64,
    pub(crate) p50: Latency,
    pub(crate) p99: Latency,
}

/// Puts the rounds of each row together; rows are in the order in which they first appear by handlers, connections, model.
pub(crate) fn rows(cells: &[Cell]) -> Vec<Row> {
    let key = |cell: &Cell| (cell.handlers as usize, cell.connections, cell.model as usize);
    let mut keys: Vec<_> = cells.iter().map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    let of_key = |wanted| cells.iter().filter(|cell| key(cell) == wanted).collect::<Vec<_>>();
    keys.into_iter().filter_map(|wanted| row(&of_key(wanted))).collect()
}

fn row(rounds: &[&Cell]) -> Option<Row> {
    let first = rounds.first()?;
    let spread = |of: fn(&Cell) -> f64| Spread::of(rounds.iter().map(|cell| of(cell)));
    let latency = |of: fn(&Cell) -> Latency| {
        let mut all: Vec<Latency> = rounds.iter().map(|cell| of(cell)).collect();
        all.sort_unstable();
        let median = all.get(all.len() / 2).copied().unwrap_or_default();
        // A lower bound anywhere below the median could be above it.
        let is_at_least = all.iter().any(|one| one.is_at_least && one.micros <= median.micros);
        Latency { is_at_least, ..median }
    };
    Some(Row {
        model: first.model,
        handlers: first.handlers,
        connections: first.connections,
        calls: spread(|cell| cell.calls_per_second),
        cpu: spread(|cell| cell.cpu_micros_per_call),
        memory: spread(|cell| cell.memory_mib),
        threads: spread(|cell| cell.threads).median,
        switches: spread(|cell| cell.switches_per_call).median,
        p50: latency(|cell| cell.p50),
        p99: latency(|cell| cell.p99),
    })
}
