//! Background work on a server, the lecture's third reason for threads: every 200 ms a thread of its own lets old pairs
//! expire and says what it has seen, while calls are served; and it ends cleanly, in the middle of its sleep.

mod every;
mod expiring;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use rpc_core::{CallError, Server, rpc};
use rpc_examples::signals::drain_on_signal;
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

/// A key-value server that expires old pairs every 200 ms, with a client that watches them go.
#[derive(Debug, Parser)]
#[command(name = "periodic", version, help_template = TEMPLATE)]
struct Options {
    /// The pause between two rounds of the background work
    #[arg(long, default_value = "200ms", value_parser = duration, value_name = "TIME")]
    every: Duration,
    /// How long the demonstration lasts
    #[arg(long = "for", default_value = "2s", value_parser = duration, value_name = "TIME")]
    lasts: Duration,
}

/// Pairs that live for a while.
#[rpc]
pub(crate) trait Leases {
    /// Gives a key a value for so many milliseconds.
    fn put(&self, key: &str, value: &str, milliseconds: u64);
    /// The value of a key, if it has not expired.
    fn get(&self, key: &str) -> Option<String>;
}

/// How long a pair lives.
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
    finish("periodic", serve(&options).map_err(|error| Failure::new(Status::Server, error)))
}

fn serve(options: &Options) -> Result<(), Box<dyn Error>> {
    let pairs = Arc::new(Pairs::default());
    let server = Server::builder().service(LeasesServer::shared(Arc::clone(&pairs)));
    let server = server.bind("127.0.0.1:0")?.spawn()?;
    drain_on_signal(server.handle())?;
    let seen = server.handle();
    let began = Instant::now();
    // Go: go func() { for { time.Sleep(200 * time.Millisecond); .. } }(), which nothing ends but the process.
    let work = Every::start("expire", options.every, move |round| {
        let (expired, left) = pairs.expire(Instant::now());
        let calls = seen.counters().calls;
        println!(
            "{:>5} ms, round {round}: {expired} expired, {left} left, {calls} calls so far",
            began.elapsed().as_millis()
        );
    })?;
    let told = use_it(server.local_addr(), options.lasts);
    server.stop()?;
    let stopping = Instant::now();
    let rounds = work.stop().ok_or("the background work panicked")?;
    told?;
    let waited = stopping.elapsed();
    println!(
        "stopped: {rounds} rounds, the thread has ended and was not slept out: {}",
        waited < options.every
    );
    Ok(())
}

/// Puts a pair now and then.
fn use_it(address: std::net::SocketAddr, lasts: Duration) -> Result<(), Box<dyn Error>> {
    let leases = LeasesClient::connect(address)?;
    let until = Instant::now() + lasts;
    for number in 0_u32.. {
        if Instant::now() >= until {
            break;
        }
        let (key, began) = (format!("key{number}"), Instant::now());
        match leases.put(&key, "value", LIFE.as_millis() as u64) {
            Err(CallError::NotExecuted(_)) => break, // a signal drains the server
            other => other?,
        }
        let there = leases.get(&key)?.is_some();
        if !there && began.elapsed() < LIFE {
            return Err("a pair was gone before its time".into());
        }
        thread::sleep(Duration::from_millis(100).min(until.saturating_duration_since(Instant::now())));
    }
    leases.call.close();
    Ok(())
}
