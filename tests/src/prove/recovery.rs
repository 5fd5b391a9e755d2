//! `prove recovery`: the time until a caller has its reply again, after each of the faults that end or silence a connection.
//!
//! It prints figures and judges none of them: times depend on the machine. What it does judge is that every call is replied to,
//! and that no session is lost.

use std::time::{Duration, Instant};

use rpc_core::{ClientLimits, Connector};

use super::{Failure, Options, Part, Progress, Report};
use crate::recovery::{AnswerClient, Relay, start_server};

/// Runs of each fault, side by side: enough for a median.
const RUNS: usize = 5;
/// Clients of the server that stands still: as many as fit into the descriptors that a process has by default.
const CROWD: usize = 200;
/// The deadline of each call: longer than any of the faults.
const DEADLINE: Duration = Duration::from_secs(90);
/// The name that measures with the pauses of earlier versions.
const BEFORE: &str = "before";

/// The part of `prove`.
pub(super) const PART: Part = Part {
    name: "recovery",
    help: "times until a reply after a fault, medians of 5 [before: with the pauses of earlier versions]",
    share: 60,
    run,
    replay: |options| run(options, &mut Progress::new("recovery")),
};

/// A fault, from its begin to its end.
#[derive(Clone, Copy)]
enum Fault {
    /// The connection is cut, and nothing listens for so long.
    Refused(Duration),
    /// Nothing passes on the connection any more; a new one works.
    HalfOpen,
    /// The server's process is stopped for so long.
    Stopped(Duration),
}

const FAULTS: [(&str, Fault); 6] = [
    ("cut, port open", Fault::Refused(Duration::ZERO)),
    ("refused for 2 s", Fault::Refused(Duration::from_secs(2))),
    ("refused for 10 s", Fault::Refused(Duration::from_secs(10))),
    ("half-open for ever (from its begin)", Fault::HalfOpen),
    ("server stopped for 3 s", Fault::Stopped(Duration::from_secs(3))),
    ("server stopped for 10 s", Fault::Stopped(Duration::from_secs(10))),
];

fn run(options: &Options, progress: &mut Progress) -> Report {
    let mut report = Report::new(PART.name);
    let before = match options.names.as_slice() {
        [] => false,
        [name] if name == BEFORE => true,
        _ => return Report::refused(PART.name, format!("the only name is {BEFORE:?}")),
    };
    let limits = limits(before);
    println!("ping_after {:?}, backoff_cap {:?}; min / median / max", limits.ping_after, limits.backoff_cap);
    for (name, fault) in FAULTS {
        progress.show(|| name.to_owned());
        let times = side_by_side(RUNS, || one(fault, &limits));
        progress.clear();
        if let Err(rule) = times.and_then(|times| print(name, times)) {
            return failed(report, name, rule);
        }
    }
    let name = "a crowd, server stopped for 10 s";
    progress.show(|| name.to_owned());
    let times = crowd(&limits);
    progress.clear();
    if let Err(rule) = times.and_then(|times| print(name, times)) {
        return failed(report, name, rule);
    }
    report.fact("faults", FAULTS.len() + 1);
    report.fact("clients", CROWD);
    report
}

fn failed(mut report: Report, name: &str, rule: String) -> Report {
    report.failure = Some(Failure { seed: name.to_owned(), rule, replay: PART.name.to_owned() });
    report
}

/// The bounds of the clients: those of this version, or with the pauses that earlier ones had.
fn limits(before: bool) -> ClientLimits {
    let usual = ClientLimits::default();
    if before {
        ClientLimits { ping_after: Duration::from_secs(5), backoff_cap: Duration::from_secs(2), ..usual }
    } else {
        usual
    }
}

/// Does the same so many times at once.
fn side_by_side<T: Send>(
    count: usize,
    work: impl Fn() -> Result<T, String> + Sync,
) -> Result<Vec<T>, String> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(&work)).collect();
        let joined =
            threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?);
        joined.collect()
    })
}

fn print(name: &str, mut times: Vec<Duration>) -> Result<(), String> {
    times.sort();
    let (Some(least), Some(most)) = (times.first(), times.last()) else { return Err("no times".to_owned()) };
    let median = times[times.len() / 2];
    println!("{name:<38}{least:>9.2?} /{median:>9.2?} /{most:>9.2?}");
    Ok(())
}

/// Returns the time from the end of the fault until a call that was made during it has its reply.
fn one(fault: Fault, limits: &ClientLimits) -> Result<Duration, String> {
    let (server, address) = start_server()?;
    let relay = Relay::start(address)?;
    let connector = Connector::new().limits(limits.clone()).deadline(DEADLINE);
    let client: AnswerClient = connector.connect(relay.address()).map_err(|error| error.to_string())?;
    client.answer(1).map_err(|error| format!("before the fault: {error}"))?;
    let begun = match fault {
        Fault::Refused(_) => relay.refuse(),
        Fault::HalfOpen => relay.silence(),
        Fault::Stopped(_) => server.stop().map(|()| Instant::now()),
    }?;
    let calls = client.clone();
    let caller = std::thread::spawn(move || calls.answer(2).map(|_| Instant::now()));
    let healed = match fault {
        Fault::Refused(time) => {
            std::thread::sleep(time.saturating_sub(begun.elapsed()));
            relay.listen()?
        }
        Fault::HalfOpen => begun,
        Fault::Stopped(time) => {
            std::thread::sleep(time.saturating_sub(begun.elapsed()));
            server.go_on()?;
            Instant::now()
        }
    };
    let replied = caller.join().map_err(|_| "a caller panicked".to_owned())?;
    let replied = replied.map_err(|error| format!("a call of {DEADLINE:?}: {error}"))?;
    one_session(&client)?;
    Ok(replied.saturating_duration_since(healed))
}

/// Returns the times until many clients have their replies, whose server stood still longer than they wait for a sign of life.
fn crowd(limits: &ClientLimits) -> Result<Vec<Duration>, String> {
    let (server, address) = start_server()?;
    let connector = Connector::new().limits(limits.clone()).deadline(DEADLINE);
    let clients: Result<Vec<AnswerClient>, _> =
        (0..CROWD).map(|_| connector.clone().connect(address)).collect();
    let clients = clients.map_err(|error| error.to_string())?;
    server.stop()?;
    let callers: Vec<_> = clients
        .iter()
        .map(|client| {
            let calls = client.clone();
            std::thread::spawn(move || calls.answer(3).map(|_| Instant::now()))
        })
        .collect();
    std::thread::sleep(Duration::from_secs(10));
    server.go_on()?;
    let healed = Instant::now();
    let mut times = Vec::new();
    for caller in callers {
        let replied = caller.join().map_err(|_| "a caller panicked".to_owned())?;
        let replied = replied.map_err(|error| format!("a call of {DEADLINE:?}: {error}"))?;
        times.push(replied.saturating_duration_since(healed));
    }
    clients.iter().try_for_each(one_session)?;
    Ok(times)
}

/// Checks that a client has resumed its session, and has not lost it.
fn one_session(client: &AnswerClient) -> Result<(), String> {
    match client.call.counters().sessions {
        1 => Ok(()),
        sessions => Err(format!("a client has had {sessions} sessions: it must resume the first one")),
    }
}
