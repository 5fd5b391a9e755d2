//! One run of the demonstration: a server, a bad network, several clients, and the check at the end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rpc_examples::children::{Children, Worker};
use rpc_examples::status::{Failure, Status};
use rpc_sim::{FaultProxy, FaultsSeen};

use super::client::{Report, histogram};
use super::judge::{Findings, judge};
use super::network::faults;
use super::options::DemoOptions;
use super::plan;
use crate::api::KvClient;
use crate::dump::pages;
use crate::stats::{Stats, stats_of};

/// The figures of one run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) findings: Findings,
    pub(crate) network: FaultsSeen,
    pub(crate) server: Stats,
    pub(crate) latencies: Histogram<u64>,
    pub(crate) calls: u64,
    pub(crate) resent: u64,
    pub(crate) connections: u64,
    pub(crate) doubts: u64,
    pub(crate) took: Duration,
}

/// Runs server, network and clients, and checks the store. All of them have ended when it returns.
pub(crate) fn run(options: &DemoOptions, children: &Children, filter: bool) -> Result<Run, Failure> {
    let begun = Instant::now();
    let until = begun + options.limit;
    let options_of_server: &[&str] = if filter { &[] } else { &["--no-filter"] };
    let (_server, addr) = start_server(children, "127.0.0.1:0", options_of_server, until)?;
    let proxy = FaultProxy::start(([127, 0, 0, 1], 0).into(), addr, faults(), options.seed)?;
    let appends: Vec<u32> =
        (0..options.clients).map(|index| plan::share(options.calls, options.clients, index)).collect();
    let clients = start_clients(children, &appends, &proxy.addr().to_string())?;
    let reports: Vec<Report> =
        clients.iter().map(|client| report(client, until)).collect::<Result<_, _>>()?;
    let took = begun.elapsed();
    drop(clients);

    let (network, latencies) = (proxy.seen(), all_latencies(&reports));
    let sum = |what: fn(&Report) -> u64| reports.iter().map(what).sum();
    let kv = KvClient::connect(addr)?; // directly, not over the bad network
    let store = contents(&kv)?;
    if let Some(reason) = reports.iter().find_map(|report| report.failure.as_ref()) {
        return Err(Failure::new(Status::Server, format!("a pair could not be put: {reason}")));
    }
    Ok(Run {
        findings: judge(&store, &reports, &appends),
        network,
        server: stats_of(&kv).stats()?,
        latencies,
        calls: sum(|report| report.calls),
        resent: sum(|report| report.resent),
        connections: sum(|report| report.connections),
        doubts: sum(|report| report.doubts),
        took,
    })
}

/// Starts a server, and waits until it listens.
pub(super) fn start_server(
    children: &Children,
    addr: &str,
    options: &[&str],
    until: Instant,
) -> Result<(Worker, SocketAddr), Failure> {
    let mut arguments = vec!["serve", "--addr", addr, "--end-with-parent", "--quiet"];
    arguments.extend(options);
    let server = children.start("the server", arguments)?;
    let line = server.next_line(until)?;
    let addr = line.strip_prefix("listening on ").and_then(|addr| addr.parse().ok());
    let addr = addr.ok_or_else(|| Failure::new(Status::Server, format!("the server wrote {line:?}")))?;
    Ok((server, addr))
}

fn start_clients(children: &Children, appends: &[u32], addr: &str) -> Result<Vec<Worker>, Failure> {
    (0..appends.len()).map(|index| start_client(children, appends, index, addr, None)).collect()
}

/// Starts a client, with a folder if it is to go on where the one before it was killed.
pub(super) fn start_client(
    children: &Children,
    appends: &[u32],
    index: usize,
    addr: &str,
    data: Option<&Path>,
) -> Result<Worker, Failure> {
    let mut arguments = vec![
        "demo-client".to_owned(),
        format!("--addr={addr}"),
        format!("--index={index}"),
        format!("--clients={}", appends.len()),
        format!("--appends={}", appends[index]),
    ];
    arguments.extend(data.map(|folder| format!("--data={}", folder.display())));
    Ok(children.start(&format!("client {index}"), arguments)?)
}

pub(super) fn report(client: &Worker, until: Instant) -> Result<Report, Failure> {
    let line = client.next_line(until)?;
    serde_json::from_str(&line).map_err(|error| {
        Failure::new(Status::Server, format!("{} wrote a report that cannot be read: {error}", client.name()))
    })
}

fn all_latencies(reports: &[Report]) -> Histogram<u64> {
    let mut all = histogram();
    for (micros, count) in reports.iter().flat_map(|report| &report.latencies) {
        all.saturating_record_n(*micros, *count);
    }
    all
}

pub(super) fn contents(kv: &KvClient) -> Result<BTreeMap<String, String>, Failure> {
    let mut store = BTreeMap::new();
    for page in pages(kv, "", 1000) {
        store.extend(page?.pairs);
    }
    Ok(store)
}
