//! Background work on a server, the lecture's third reason for threads: every 200 ms a thread removes expired pairs and
//! reports its counts, while calls are served. It ends cleanly, in the middle of its sleep.

mod every;
mod expiring;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use clap::Parser;
use rpc_core::{Server, rpc};
use rpc_examples::signals::on_signal;
use rpc_examples::status::{Failure, Status, finish};

use every::Every;
use expiring::Pairs;

const TEMPLATE: &str = "\
{about}

Examples:
  periodic                          a demonstration of two seconds
  periodic --every 50ms --for 1s    more often, and shorter

{usage-heading} {usage}

{all-args}";

/// Runs a key-value server that removes expired pairs every 200 ms, and a client of it.
#[derive(Debug, Parser)]
#[command(name = "periodic", version, help_template = TEMPLATE)]
struct Options {
    /// The pause between two rounds of the background work
    #[arg(long, default_value = "200ms", value_parser = duration, value_name = "TIME")]
    every: Duration,
    /// Length of the demonstration
    #[arg(long = "for", default_value = "2s", value_parser = duration, value_name = "TIME")]
    lasts: Duration,
}

/// Pairs that expire.
#[rpc]
pub(crate) trait Leases {
    /// Sets the value of a key for this many milliseconds.
    fn put(&self, key: &str, value: &str, milliseconds: u64);
    /// Returns the value of a key, if it has not expired.
    fn get(&self, key: &str) -> Option<String>;
}

/// Time until a pair expires.
const LIFE: Duration = Duration::from_millis(500);

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if (Duration::from_millis(1)..=Duration::from_secs(3600)).contains(&time) => Ok(time),
        Ok(_) => Err("from 1ms to 1h".to_owned()),
        Err(error) => Err(format!("{error}; write for example 200ms")),
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    finish("periodic", serve(&options))
}

/// The reason why the demonstration ends early: a signal, or an output that cannot be written.
type Ends = Result<(), io::Error>;

fn serve(options: &Options) -> Result<(), Failure> {
    let pairs = Arc::new(Pairs::default());
    let server = Server::builder().service(LeasesServer::shared(Arc::clone(&pairs)));
    let server = server.bind("127.0.0.1:0")?.spawn()?;
    let (end, ends) = mpsc::channel::<Ends>();
    let signalled = end.clone();
    on_signal(move || {
        let _ = signalled.send(Ok(())); // unless it ends already
    })?;
    let seen = server.handle();
    let began = Instant::now();
    // Go: go func() { for { time.Sleep(200 * time.Millisecond); .. } }(), which nothing ends but the process.
    let work = Every::start("expire", options.every, move |round| {
        let (expired, left) = pairs.expire(Instant::now());
        let calls = seen.counters().calls;
        let at = began.elapsed().as_millis();
        let said = writeln!(
            io::stdout(),
            "{at:>5} ms, round {round}: {expired} expired, {left} left, {calls} calls so far"
        );
        if let Err(error) = said {
            let _ = end.send(Err(error)); // unless it ends already
        }
    })?;
    let told = use_it(server.local_addr(), options.lasts, &ends);
    server.stop()?;
    let stopping = Instant::now();
    let rounds = work.stop().ok_or_else(|| Failure::new(Status::Server, "the background work panicked"))?;
    told?;
    let slept_out = stopping.elapsed() >= options.every;
    writeln!(
        io::stdout(),
        "stopped: {rounds} rounds, the thread has ended without finishing its sleep: {}",
        !slept_out
    )?;
    Ok(())
}

/// Puts a pair now and then, until the time is over or `ends` has a message.
fn use_it(address: SocketAddr, lasts: Duration, ends: &Receiver<Ends>) -> Result<(), Failure> {
    let leases = LeasesClient::connect(address)?;
    let until = Instant::now() + lasts;
    for number in 0_u32.. {
        let (key, began) = (format!("key{number}"), Instant::now());
        leases.put(&key, "value", LIFE.as_millis() as u64)?;
        let there = leases.get(&key)?.is_some();
        if !there && began.elapsed() < LIFE {
            return Err(Failure::new(Status::Server, "a pair expired too early"));
        }
        let left = until.saturating_duration_since(Instant::now());
        match ends.recv_timeout(left.min(Duration::from_millis(100))) {
            Ok(why) => why?,
            Err(_) if left.is_zero() => {}
            Err(_) => continue,
        }
        break;
    }
    leases.call.close();
    Ok(())
}
