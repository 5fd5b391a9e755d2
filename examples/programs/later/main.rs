//! Replies that come later: thousands of callers wait for one event on a server with few threads, and a service that calls
//! another one while no thread of its server waits.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use rpc_core::{CallError, Connector, Later, Responder, Server, ServerLimits, rpc};
use rpc_examples::status::{Failure, Status, finish};

/// Lets many callers wait on a server with few threads
#[derive(Debug, Parser)]
#[command(name = "later", version)]
struct Options {
    /// Callers that wait at the same time
    #[arg(long, default_value = "10000", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    callers: u32,
    /// Threads of the server
    #[arg(long, default_value = "4", value_parser = clap::value_parser!(u16).range(2..=256))]
    threads: u16,
}

/// Calls of one client that wait at once: the most slots of a session.
const CALLS_OF_A_CLIENT: u32 = 1000;
/// The time in which all of it is over on any machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// News that callers wait for: a long poll.
#[rpc]
pub(crate) trait News {
    /// Waits for the next news.
    fn next(&self) -> Later<String>;
    /// Tells all that wait. Returns their number.
    fn tell(&self, text: &str) -> u64;
}

/// A service that asks the one above.
#[rpc]
pub(crate) trait Reader {
    /// Waits for the next news, and returns its length.
    fn length(&self) -> Later<Result<u64, String>>;
}

/// The callers that wait.
#[derive(Default)]
struct Waiting(Mutex<Vec<Responder<String>>>);

impl News for Waiting {
    fn next(&self) -> Later<String> {
        let (responder, later) = Later::pair();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(responder);
        later // the handler is over, and the call waits
    }

    fn tell(&self, text: &str) -> u64 {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let count = waiting.len() as u64;
        waiting.into_iter().for_each(|responder| responder.reply(text.to_owned()));
        count
    }
}

/// A service that is a client of another one.
struct Relay(NewsClient);

impl Reader for Relay {
    fn length(&self) -> Later<Result<u64, String>> {
        let (responder, later) = Later::pair();
        let next = self.0.start.next();
        // A started call is a future: in a program with a runtime a task waits for it, and here a thread of the service's own.
        thread::spawn(move || {
            let outcome: Result<String, CallError> = next.wait();
            responder.reply(outcome.map(|text| text.len() as u64).map_err(|error| error.to_string()));
        });
        later
    }
}

fn main() -> ExitCode {
    finish("later", run(&Options::parse()))
}

fn run(options: &Options) -> Result<(), Failure> {
    let mut out = io::stdout();
    let limits = ServerLimits { threads: options.threads.into(), ..ServerLimits::default() };
    let news = Server::builder().service(NewsServer::new(Waiting::default())).limits(limits);
    let news = news.bind("127.0.0.1:0")?.spawn()?;
    let connect =
        || Connector::new().slots(CALLS_OF_A_CLIENT as u16).deadline(PATIENCE).connect(news.local_addr());
    let relay =
        Server::builder().service(ReaderServer::new(Relay(connect()?))).bind("127.0.0.1:0")?.spawn()?;
    let reader: ReaderClient = Connector::new().deadline(PATIENCE).connect(relay.local_addr())?;
    let clients = (0..options.callers.div_ceil(CALLS_OF_A_CLIENT)).map(|_| connect());
    let clients: Vec<NewsClient> = clients.collect::<Result<_, _>>()?;
    let began = Instant::now();
    let calls =
        (0..options.callers).map(|number| clients[(number / CALLS_OF_A_CLIENT) as usize].start.next());
    let calls: Vec<_> = calls.collect();
    let length = reader.start.length();
    let wanted = options.callers as usize + 1; // the relay's call among them
    while news.counters().held < wanted && began.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(5)); // a program to look at, and no test
    }
    let (held, threads) = (news.counters().held, options.threads);
    writeln!(out, "{held} calls are held on {threads} threads, after {:.0?}", began.elapsed())?;
    let began = Instant::now();
    let told = clients[0].tell("it rains")?;
    for call in calls {
        if call.wait()? != "it rains" {
            return Err(Failure::new(Status::Server, "a caller got something else"));
        }
    }
    writeln!(out, "{told} callers were told, and the last one knew it after {:.0?}", began.elapsed())?;
    writeln!(out, "a service that waited for another one says: {} bytes", length.wait()?)?;
    Ok(())
}
