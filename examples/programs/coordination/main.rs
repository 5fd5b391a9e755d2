//! Threads that wait for each other: each way to coordinate them as a short program, with a broken version.

mod channel;
mod condvar;
mod mutex;
mod one_thread;
mod own_server;
mod semaphore;
mod signal;
mod steps;
mod stop;
mod sync;
mod wait_group;
mod wait_if;
mod watchdog;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use rpc_examples::choices::name_of;
use rpc_examples::status::{Failure, Status, finish};

use crate::steps::Steps;
use crate::watchdog::{End, SHOULD_END, SHOULD_STICK};

const TEMPLATE: &str = "\
{about}

Examples:
  coordination                     every topic: the broken version, then the fixed one
  coordination condvar --broken    one broken version
  coordination condvar             the same, fixed

{usage-heading} {usage}

{all-args}

Exit status: 0 it ended and was right, 1 it did not.";

/// Shows how threads wait for each other, and how that goes wrong.
#[derive(Debug, Parser)]
#[command(name = "coordination", version, help_template = TEMPLATE)]
struct Arguments {
    /// The topic to show; without it, all of them
    topic: Option<Topic>,
    /// Run the broken version
    #[arg(long, requires = "topic")]
    broken: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Topic {
    /// Two locks in two orders
    Mutex,
    /// A signal before any thread waits for it
    Condvar,
    /// `if` in place of `while` around a wait
    WaitIf,
    /// One signal for two threads that wait for different things
    Signal,
    /// An unbuffered channel without a reader
    Channel,
    /// One thread that sends to itself
    OneThread,
    /// A thread that adds itself to the group
    WaitGroup,
    /// A permit that is not returned
    Semaphore,
    /// A thread that is asked to stop and does not notice
    Stop,
    /// A handler that calls its own server while it holds a lock
    OwnServer,
}

impl Topic {
    fn run(self, broken: bool, steps: &Steps) -> Result<(), String> {
        let program = match (self, broken) {
            (Topic::OwnServer, holding) => return own_server::run(steps, holding),
            (Topic::Mutex, true) => mutex::broken,
            (Topic::Mutex, false) => mutex::fixed,
            (Topic::Condvar, true) => condvar::broken,
            (Topic::Condvar, false) => condvar::fixed,
            (Topic::WaitIf, true) => wait_if::broken,
            (Topic::WaitIf, false) => wait_if::fixed,
            (Topic::Signal, true) => signal::broken,
            (Topic::Signal, false) => signal::fixed,
            (Topic::Channel, true) => channel::broken,
            (Topic::Channel, false) => channel::fixed,
            (Topic::OneThread, true) => one_thread::broken,
            (Topic::OneThread, false) => one_thread::fixed,
            (Topic::WaitGroup, true) => wait_group::broken,
            (Topic::WaitGroup, false) => wait_group::fixed,
            (Topic::Semaphore, true) => semaphore::broken,
            (Topic::Semaphore, false) => semaphore::fixed,
            (Topic::Stop, true) => stop::broken,
            (Topic::Stop, false) => stop::fixed,
        };
        program(steps);
        Ok(())
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    std::panic::set_hook(Box::new(|_| {})); // the watchdog reports the panic, with the steps before it
    let result = match arguments.topic {
        Some(topic) => show(topic, arguments.broken)
            .and_then(|well| if well { Ok(()) } else { Err(Failure::new(Status::Negative, "")) }),
        None => show_all(),
    };
    finish("coordination", result)
}

/// With real threads the wrong order comes by luck: a broken version that ends well is run again, at most this often.
const MOST_RUNS: usize = 20;

/// Runs one program and reports its steps. Returns true if it ended as it should.
fn show(topic: Topic, broken: bool) -> Result<bool, Failure> {
    let mut out = io::stdout();
    let name = name_of(topic);
    let help = topic.to_possible_value().and_then(|value| value.get_help().map(ToString::to_string));
    let which = if broken { help.unwrap_or_default() } else { "fixed".to_owned() };
    writeln!(out, "{name}: {which}")?;
    let (limit, runs) = if broken { (SHOULD_STICK, MOST_RUNS) } else { (SHOULD_END, 1) };
    let mut well = false;
    for run in 1..=runs {
        let steps = Steps::new();
        let end = watchdog::run(&steps, limit, move |steps| topic.run(broken, steps));
        write!(out, "{}", steps.as_text())?;
        well = matches!(end, End::Well);
        say_how_it_ended(&mut out, &end, limit, &steps)?;
        if !well || run == runs {
            break;
        }
        writeln!(out, "  by luck the threads ran in an order that does no harm; running it again")?;
    }
    if broken && topic != Topic::OwnServer {
        writeln!(
            out,
            "  to find it without luck, with the schedule: cargo run -p rpc-interleavings -- {name}"
        )?;
    }
    writeln!(out)?;
    Ok(well)
}

fn say_how_it_ended(out: &mut impl Write, end: &End, limit: Duration, steps: &Steps) -> io::Result<()> {
    match end {
        End::Well => writeln!(out, "  it ends, and is right"),
        End::Wrong(why) => writeln!(out, "  WRONG: {why}"),
        End::Stuck => {
            writeln!(out, "  STUCK: after {} s these have not ended:", limit.as_secs())?;
            for (name, what) in steps.stuck() {
                writeln!(out, "      {name:<8} {what}")?;
            }
            Ok(())
        }
    }
}

/// Runs every topic. Fails unless every broken version goes wrong and every fixed one ends.
fn show_all() -> Result<(), Failure> {
    for topic in Topic::value_variants() {
        for broken in [true, false] {
            if show(*topic, broken)? == broken {
                let text = format!("{} did not go as it should", name_of(*topic));
                return Err(Failure::new(Status::Server, text));
            }
        }
    }
    Ok(())
}
