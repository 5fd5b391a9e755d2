//! Lesson 3, `rpc in 400 lines`: a server and a client with at most once calls, small enough to read in an evening.
//!
//! `filter.rs` is the duplicate filter, `server.rs` the event loop, `client.rs` the retransmission. They stand on two
//! parts of `rpc-core`: the frames (`rpc_core::wire`) and the stubs that `#[rpc]` writes. They speak the protocol of
//! `docs/wire.md`, so this program also runs each of them against its large counterpart, over a bad network, and checks
//! that every append is in the log exactly once. The 400 lines are those of the three files without comments, tests,
//! `use` lines and lines that hold only closing brackets; a test counts them.
//!
//! The lesson leaves out, and this is where `rpc-core` has it:
//!
//! | left out | where it is |
//! |---|---|
//! | calls that wait for each other: a slow handler stops everything here | `net/server`: handlers on several threads, `proto/server`: the queue and its deadlines |
//! | bounds on what a client can make the server hold: sessions, kept replies, unsent bytes | `limits.rs`, `proto/server`: kept replies, eviction, BUSY |
//! | many calls at once over one connection | `proto/client`: slots, `net/client`: the calling threads drive the connection |
//! | started calls, their cancellation, and the later question about an unknown call | `call/pending.rs`, `proto/client`: CANCEL until the reply comes |
//! | ACK from the client, PING, growing pauses, repeats of idempotent calls | `proto/client`: timers and retries |
//! | shutdown: GOAWAY, calls under way are finished | `proto/server`: drain |
//! | which method differs, when client and server have different traits | `contract.rs`, `call/error.rs` |
//! | a protocol core without sockets, clock and threads, so that a simulator can run it | `proto`, and the package `rpc-sim` |

mod client;
mod filter;
mod server;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::Parser;
use client::SmallClient;
use rpc_core::ClientLimits;
use rpc_core::{Caller, Client as _, Connector, RunningServer, rpc};
use rpc_examples::status::{Failure, Status, finish};
use rpc_sim::{FaultProxy, Faults};

/// The service: a log to which texts are appended. An append that runs twice is there twice.
#[rpc]
trait Log {
    /// Appends a text.
    fn append(&self, text: &str);
}

#[derive(Debug, Default)]
struct Memory(Mutex<Vec<String>>);

impl Log for Memory {
    fn append(&self, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    }
}

/// A call without a reply is sent again after this long: shorter than in `rpc-core`, so that the program is quick.
const RESEND: Duration = Duration::from_millis(100);
/// Deadline of a call: far longer than the network is bad to one call, so every call gets its reply.
const DEADLINE: Duration = Duration::from_secs(60);
/// Any free port of this machine.
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Runs the small client and the small server against each other and against the large ones, over a bad network.
#[derive(Debug, Parser)]
#[command(name = "rpc_in_400_lines")]
struct Options {
    /// Decides every fault of the network
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Appends in each pairing
    #[arg(long, default_value_t = 200)]
    appends: u32,
    /// Add a fourth pairing, whose server has its duplicate filter switched off: it must fail
    #[arg(long)]
    without_filter: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    finish("rpc_in_400_lines", run(&options))
}

fn run(options: &Options) -> Result<(), Failure> {
    let memory = Arc::new(Memory::default());
    let server = start_small_server(&memory)?;
    pairing("small client, small server", options, server, &memory, small_client)?;

    let memory = Arc::new(Memory::default());
    let server = start_small_server(&memory)?;
    pairing("large client, small server", options, server, &memory, large_client)?;

    let memory = Arc::new(Memory::default());
    let server = start_large_server(&memory, true)?;
    pairing("small client, large server", options, server.local_addr(), &memory, small_client)?;

    if options.without_filter {
        let memory = Arc::new(Memory::default());
        let server = start_large_server(&memory, false)?;
        pairing("no filter", options, server.local_addr(), &memory, small_client)?;
    }
    Ok(())
}

/// Appends over a bad network, and fails unless each append is in the log exactly once.
fn pairing(
    name: &str,
    options: &Options,
    server: SocketAddr,
    memory: &Memory,
    connect: fn(SocketAddr) -> Result<LogClient, Failure>,
) -> Result<(), Failure> {
    let faults = Faults::bad().late(Duration::from_millis(50));
    let network = FaultProxy::start(ANY, server, faults, options.seed)?;
    let log = connect(network.addr())?;
    let appended: Vec<String> = (0..options.appends).map(|number| format!("text {number}")).collect();
    for text in &appended {
        log.append(text)?;
    }
    let (resent, seen) = (log.call.counters().resent, network.seen());
    log.call.close();
    let found = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
    let counts = appended.iter().map(|text| found.iter().filter(|other| *other == text).count());
    let (lost, doubled) =
        (counts.clone().filter(|count| *count == 0).count(), counts.filter(|count| *count > 1).count());
    writeln!(
        io::stdout(),
        "{name}: {} appends: {lost} lost, {doubled} doubled; {resent} sent again; the network dropped {} frames, doubled \
         {}, reordered {}, and cut {} connections",
        appended.len(),
        seen.dropped,
        seen.duplicated,
        seen.reordered,
        seen.cut
    )?;
    if lost + doubled > 0 || *found != appended {
        return Err(Failure::new(
            Status::Server,
            format!("{name}: FAILED: the log differs from the appends"),
        ));
    }
    Ok(())
}

/// Starts the server of this lesson on a thread of its own. It runs until this process ends.
fn start_small_server(memory: &Arc<Memory>) -> Result<SocketAddr, Failure> {
    let server = server::Server::bind(ANY, Arc::new(LogServer::shared(Arc::clone(memory))))?;
    let addr = server.listener.local_addr()?;
    thread::Builder::new().name("small server".to_owned()).spawn(move || {
        if let Err(error) = server.run() {
            eprintln!("rpc_in_400_lines: the small server ended: {error}");
        }
    })?;
    Ok(addr)
}

/// Returns the stub that `#[rpc]` wrote, over the client of this lesson.
fn small_client(server: SocketAddr) -> Result<LogClient, Failure> {
    let client =
        SmallClient { server, contract: LogClient::CONTRACT, resend: RESEND, state: Mutex::default() };
    Ok(LogClient::from_caller(Caller::new(Arc::new(client), DEADLINE, server::MAX_FRAME)))
}

fn start_large_server(memory: &Arc<Memory>, has_filter: bool) -> Result<RunningServer, Failure> {
    let server = rpc_core::Server::builder().service(LogServer::shared(Arc::clone(memory)));
    Ok(server.at_most_once(has_filter).bind(ANY)?.spawn()?)
}

/// Returns the client of `rpc-core`, with times as short as those of the small client. So it also sends PING and ACK.
fn large_client(server: SocketAddr) -> Result<LogClient, Failure> {
    let limits = ClientLimits {
        resend_first: RESEND,
        resend_cap: RESEND,
        ack_delay: RESEND,
        ping_after: 3 * RESEND,
        backoff_cap: RESEND,
        ..ClientLimits::default()
    };
    Ok(Connector::new().limits(limits).deadline(DEADLINE).connect_timeout(DEADLINE).connect(server)?)
}
