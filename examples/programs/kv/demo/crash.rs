//! `kv demo --crash`: the processes of the server and of its clients are killed again and again, and every append is in the store
//! exactly once.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rpc_examples::children::{Children, Worker};
use rpc_examples::status::{Failure, Status};
use rpc_sim::FaultProxy;
use serde_json::json;

use super::client::Report;
use super::judge::{Findings, judge};
use super::network::faults;
use super::options::DemoOptions;
use super::plan;
use super::report::grouped;
use super::run::{contents, report, start_client, start_server};
use crate::api::KvClient;
use crate::arguments::Format;
use crate::output::answer;

/// The longest time between two kills: some hit a server that has just started.
const LONGEST_LIFE: Duration = Duration::from_millis(400);
/// The longest time for which no server is there.
const LONGEST_GAP: Duration = Duration::from_millis(60);
/// Kills without which the demonstration has shown nothing.
const LEAST_KILLS: u32 = 5;

/// Runs the demonstration. Returns the text of its last line.
pub(super) fn crash(format: Format, options: &DemoOptions, children: &Children) -> Result<String, Failure> {
    let (clients, calls, seed) = (options.clients, grouped(u64::from(options.calls)), options.seed);
    if format == Format::Text {
        writeln!(
            io::stdout(),
            "A server that keeps its pairs, its sessions and its records in a folder, {clients} client processes, and between\n\
             them the bad network (seed {seed}). The server and the clients, which have journals, are killed (SIGKILL) again and\n\
             again while {calls} appends run. Exactly once means: at the end each append is there once, and none is unknown.\n"
        )?;
    }
    let folder = Folder::new()?;
    let seen = run(options, children, &folder.0)?;
    let Findings { once, unknown, doubled, lost, .. } = seen.findings;
    let figures = json!({
        "kills": seen.kills, "client_kills": seen.client_kills, "recovered": seen.recovered, "appends_once": once, "appends_lost": lost, "appends_doubled": doubled,
        "appends_unknown": unknown, "seconds": seen.took.as_secs_f64(),
    });
    let line = format!(
        "{} kills of the server and {} of clients in {:.1} s: {once} appends once, {lost} lost, {doubled} doubled, {unknown} unknown",
        seen.kills,
        seen.client_kills,
        seen.took.as_secs_f64()
    );
    answer(format, Some(&line), &figures)?;
    let mut faults = seen.findings.faults();
    if unknown > 0 {
        faults.push(format!("{unknown} callers were told 'unknown'"));
    }
    let least = seen.kills.min(seen.client_kills);
    if least < LEAST_KILLS {
        faults.push(format!("only {least} kills of server or clients, so little was tested: raise --calls"));
    }
    if !faults.is_empty() {
        return Err(Failure::new(
            Status::Server,
            format!("{} (repeat it with --seed {seed})", faults.join("; ")),
        ));
    }
    Ok(format!(
        "{} of {calls} appends by {clients} processes applied once, 0 unknown, none twice; the server was killed {} times, clients \
         {} times (seed {seed})",
        grouped(once),
        seen.kills,
        seen.client_kills
    ))
}

/// The result of a run.
struct Seen {
    findings: Findings,
    kills: u32,
    client_kills: u32,
    /// Answers that the last process of each client has taken for the one before it.
    recovered: u64,
    took: Duration,
}

/// Runs clients, and kills them and their server until all of them have reported.
fn run(options: &DemoOptions, children: &Children, folder: &Path) -> Result<Seen, Failure> {
    let begun = Instant::now();
    let until = begun + options.limit;
    let data = format!("--data={}", folder.display());
    let (mut server, addr) = start_server(children, "127.0.0.1:0", &[data.as_str()], until)?;
    let proxy = FaultProxy::start(([127, 0, 0, 1], 0).into(), addr, faults(), options.seed)?;
    let appends: Vec<u32> =
        (0..options.clients).map(|index| plan::share(options.calls, options.clients, index)).collect();
    let through = proxy.addr().to_string();
    let start = |index| start_client(children, &appends, index, &through, Some(folder));
    let mut clients = (0..appends.len()).map(start).collect::<Result<Vec<_>, _>>()?;
    let mut random = fastrand::Rng::with_seed(options.seed);
    let (mut kills, mut client_kills) = (0, 0);
    while clients.iter().any(|client| !client.has_ended()) && Instant::now() < until {
        thread::sleep(LONGEST_LIFE.mul_f64(random.f64()));
        // In turn, and now and then both at once: then neither knows what the other has told it last.
        let of_server = kills <= client_kills || random.u8(0..4) == 0;
        let victim = random.usize(0..clients.len());
        if (!of_server || random.u8(0..4) == 0) && !clients[victim].has_ended() {
            clients[victim].end(); // SIGKILL
            client_kills += 1;
            clients[victim] = start(victim)?;
        }
        if of_server {
            server.end(); // SIGKILL
            kills += 1;
            thread::sleep(LONGEST_GAP.mul_f64(random.f64()));
            server = restart(children, addr, &data, until)?;
        }
    }
    let reports: Vec<Report> =
        clients.iter().map(|client| report(client, until)).collect::<Result<_, _>>()?;
    let took = begun.elapsed();
    let kv = KvClient::connect(addr)?; // directly, not over the bad network
    let store: BTreeMap<String, String> = contents(&kv)?;
    if let Some(reason) = reports.iter().find_map(|report| report.failure.as_ref()) {
        return Err(Failure::new(Status::Server, format!("a pair could not be put: {reason}")));
    }
    let recovered = reports.iter().map(|report| report.recovered).sum();
    Ok(Seen { findings: judge(&store, &reports, &appends), kills, client_kills, recovered, took })
}

/// Starts the server again, at the same address and with the same folder.
fn restart(children: &Children, addr: SocketAddr, data: &str, until: Instant) -> Result<Worker, Failure> {
    let started = start_server(children, &addr.to_string(), &[data], until);
    Ok(started.map_err(|failure| failure.during("the server that was killed does not start again"))?.0)
}

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("kv-demo-{}", std::process::id()));
        fs::create_dir(&path)?; // an error if it is there: nothing of another program is removed
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
